// PostGraphile 5 on PET's tables. They have no foreign keys, so the one link that the bench asks for is told to it.
import { createServer } from "node:http";
import pg from "pg";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgSmartTagsPlugin } from "postgraphile/utils";
import { postgraphile } from "postgraphile";

const link = makePgSmartTagsPlugin([
  {
    kind: "class",
    match: "projections.tickets",
    tags: { foreignKey: "(customer_id) references projections.customers (id)" },
  },
]);

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [link],
  pgServices: [makePgService({ pool: new pg.Pool({ max: 10 }), schemas: ["projections"] })],
  grafserv: { graphiql: false, watch: false, graphqlPath: "/graphql" },
  grafast: { explain: false },
};

const serv = postgraphile(preset).createServ(grafserv);
const server = createServer();
await serv.addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
