-- the columns are customers
select convert_to(
  (select row_to_json(y)
  from
    (select
      (select coalesce(array_to_json(array_agg(y)), '[]')
      from
        (select r1.name as "name",
          (select row_to_json(y)
          from
            (select
              (select count(*)
              from tickets r2
              where r2.customer_id = r1.id) as "totalCount",
              (select coalesce(array_to_json(array_agg(y)), '[]')
              from
                (select r3.subject as "subject",
                  (select row_to_json(y)
                  from
                    (select r4.name as "name"
                    from people r4
                    where r4.id = r3.assignee_id) y) as "assignee"
                from tickets r3
                where r3.customer_id = r1.id
                order by r3.opened_at desc, r3.id desc
                limit $2::bigint) y) as "nodes") y) as "tickets"
        from customers r1
        order by r1.name asc, r1.id asc
        limit $1::bigint) y) as "nodes") y)::text, 'UTF8')
