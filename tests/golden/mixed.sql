-- __schema runs on strawberry: introspection is answered from the schema
-- then runs on strawberry: a past state is folded from the facts of its stream
-- the columns are position, now
select convert_to(to_json(
  (select coalesce(max(position), 0)
  from pet.log)::text)::text, 'UTF8'), convert_to(
  (select row_to_json(y)
  from
    (select r1.subject as "subject", r1.version as "~0"
    from tickets r1
    where r1.id = $1::uuid) y)::text, 'UTF8')
