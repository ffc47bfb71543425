-- the columns are tickets
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select count(*)
      from tickets r1
      where r1.status = any($1::VARCHAR[]) and r1.customer_id = any($2::UUID[]) and r1.assignee_id is null and r1.opened_at >= $3::TIMESTAMP WITH TIME ZONE) as "totalCount",
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select r2.subject as "subject", r2.description as "description"
        from tickets r2
        where r2.status = any($1::VARCHAR[]) and r2.customer_id = any($2::UUID[]) and r2.assignee_id is null and r2.opened_at >= $3::TIMESTAMP WITH TIME ZONE
        order by r2.position desc, r2.id desc
        limit $4::bigint) y) as "nodes") y)::text, 'UTF8')
