-- SPDX-License-Identifier: BSD-2-Clause
-- wrk script: GET of one path, WPATH in the environment.
local token, req = os.getenv("TOKEN"), nil
function request()
	if not req then
		req = wrk.format("GET", os.getenv("WPATH"), token and
		    { ["Authorization"] = "Bearer " .. token } or nil)
	end
	return req
end
function done(summary, latency)
	io.write(string.format("RESULT %.0f %.3f %.3f %d\n",
	    summary.requests / summary.duration * 1e6,
	    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
	    summary.errors.status + summary.errors.connect +
	    summary.errors.read + summary.errors.timeout))
end
