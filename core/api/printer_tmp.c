#include "core/api/printer.h"
#include <string.h>
void pin_table_columns(const struct pin_schema *s, const struct pin_res_row *res, struct pin_out *o)
{ uint32_t i; pin_out_char(o,'['); for (i=0;i<res->ncols;i++){ const struct pin_col_row *c=&s->columns[res->col0+i];
 pin_out_printf(o,"%s{\"name\":\"%s\",\"type\":\"%s\",\"format\":\"%s\",\"description\":\"\",\"priority\":%u}",i?",":"",pin_schema_str(s,c->name),pin_schema_str(s,c->type),pin_schema_str(s,c->format),c->priority);} pin_out_char(o,']'); }
void pin_table_cells(const struct pin_schema *s, const struct pin_res_row *res, const struct pin_obj *ob, int64_t now, struct pin_out *o)
{ uint32_t i; (void)now; pin_out_char(o,'['); for (i=0;i<res->ncols;i++){ if(i)pin_out_char(o,','); if(i==0) pin_json_quote(o,pin_obj_str(ob,pin_obj_at(ob,pin_obj_root(ob),"metadata","name",NULL))); else pin_out_cstr(o,"\"\""); } (void)s; pin_out_char(o,']'); }
