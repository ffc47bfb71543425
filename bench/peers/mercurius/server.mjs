// Mercurius with its just-in-time compiler: the part of PET's schema that the bench asks for, with one loader a link.
import fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

// Instants stay text, as PET writes them; a bigint is text already.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.replace(" ", "T")}:00`);
const pool = new pg.Pool({ max: 10 });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  type PageInfo { endCursor: String }
  type Customer { id: ID!  name: String!  tickets(first: Int!): Tickets! }
  type Customers { nodes: [Customer!]! }
  type Tickets { nodes: [Ticket!]!  totalCount: Int!  pageInfo: PageInfo! }
  type Ticket {
    id: ID!  subject: String!  reference: String  priority: String!  status: String!
    openedAt: String!  respondedAt: String  position: String!  customer: Customer!
  }
  type Query {
    ticket(id: ID!): Ticket
    customers(first: Int!): Customers!
    tickets(first: Int!, after: String): Tickets!
  }`;

const globalId = (type) => (row) => Buffer.from(`${type}:${row.id}`).toString("base64");
const cursor = (row) => Buffer.from(`${row.opened_at}|${row.id}`).toString("base64");

const resolvers = {
  Query: {
    ticket: async (_, { id }) => {
      const uuid = Buffer.from(id, "base64").toString().slice("Ticket:".length);
      return (await rows("ticket", "select * from tickets where id = $1", [uuid]))[0];
    },
    customers: async (_, { first }) => ({
      nodes: await rows("customers", "select * from customers order by name, id limit $1", [first]),
    }),
    tickets: async (_, { first, after }) => {
      const order = "order by opened_at desc, id desc limit $1";
      if (!after) return { nodes: await rows("first", `select * from tickets ${order}`, [first]) };
      const key = Buffer.from(after, "base64").toString().split("|");
      const text = `select * from tickets where (opened_at, id) < ($2::timestamptz, $3::uuid) ${order}`;
      return { nodes: await rows("after", text, [first, ...key]) };
    },
  },
  Customer: { id: globalId("Customer") },
  Tickets: { pageInfo: ({ nodes }) => ({ endCursor: nodes.length ? cursor(nodes.at(-1)) : null }) },
  Ticket: {
    id: globalId("Ticket"),
    priority: (ticket) => ticket.priority.toUpperCase(),
    status: (ticket) => ticket.status.toUpperCase(),
    openedAt: (ticket) => ticket.opened_at,
    respondedAt: (ticket) => ticket.responded_at,
  },
};

// Without its cache, which would write each object down as JSON to find it again; equal keys are one key in SQL anyway.
const opts = { cache: false };

const loaders = {
  Ticket: {
    customer: { opts, async loader(queries) {
      const found = await rows("by_id", "select * from customers where id = any($1)", [
        queries.map(({ obj }) => obj.customer_id),
      ]);
      const byId = new Map(found.map((row) => [row.id, row]));
      return queries.map(({ obj }) => byId.get(obj.customer_id));
    } },
  },
  Customer: {
    tickets: { opts, async loader(queries) {
      // All lists of one operation have the same arguments here.
      const text = `select t.* from unnest($1::uuid[]) c cross join lateral (
        select * from tickets where customer_id = c order by opened_at desc, id desc limit $2) t`;
      const values = [queries.map(({ obj }) => obj.id), queries[0].params.first];
      const found = Map.groupBy(await rows("of_customers", text, values), (row) => row.customer_id);
      return queries.map(({ obj }) => ({ customer: obj.id, nodes: found.get(obj.id) ?? [] }));
    } },
  },
  Tickets: {
    totalCount: { opts, async loader(queries) {
      const text = "select customer_id, count(*)::int from tickets where customer_id = any($1) group by 1";
      const found = await rows("counts", text, [queries.map(({ obj }) => obj.customer)]);
      const byCustomer = new Map(found.map((row) => [row.customer_id, row.count]));
      return queries.map(({ obj }) => byCustomer.get(obj.customer) ?? 0);
    } },
  },
};

const app = fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1, path: "/graphql" });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
