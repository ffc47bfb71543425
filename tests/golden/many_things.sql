-- the columns are nodes
select convert_to(
  (select '[' || coalesce(string_agg(coalesce(case r1.type when 'Person' then
    (select row_to_json(y)
    from
      (select encode(convert_to('Person:' || r2.id, 'UTF8'), 'base64') as "id", r2.name as "name"
      from people r2
      where r2.id = r1.id) y) when 'Ticket' then
    (select row_to_json(y)
    from
      (select encode(convert_to('Ticket:' || r3.id, 'UTF8'), 'base64') as "id", r3.subject as "subject"
      from tickets r3
      where r3.id = r1.id) y) end::text, 'null'), ',' order by r1.place), '') || ']'
  from unnest($1::text[], $2::uuid[]) with ordinality r1(type, id, place))::json::text, 'UTF8')
