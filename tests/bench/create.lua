-- SPDX-License-Identifier: BSD-2-Clause
-- wrk script: each request creates one pod with a name of its own. TOKEN in the
-- environment is the bearer token; the body is 0.4 KB, the stored pod 3 KB.
local token, seq = os.getenv("TOKEN"), 0
local run = os.getenv("RUN") or "r"
local path = "/api/v1/namespaces/default/pods"
function request()
	seq = seq + 1
	local body = string.format([[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bench-%s-%d","labels":{"app":"bench","tier":"load","n":"%d"},"annotations":{"pintle.example/why":"measuring"}},"spec":{"containers":[{"name":"main","image":"registry.example/app:1.2.3","command":["/bin/app","--serve"],"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"ports":[{"containerPort":8080}],"resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}]}}]], run, seq, seq % 100)
	return wrk.format("POST", path, { ["Authorization"] = "Bearer " .. token,
	    ["Content-Type"] = "application/json" }, body)
end
function done(summary, latency)
	io.write(string.format("RESULT %.0f %.3f %.3f %d\n",
	    summary.requests / summary.duration * 1e6,
	    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
	    summary.errors.status + summary.errors.connect +
	    summary.errors.read + summary.errors.timeout))
end
