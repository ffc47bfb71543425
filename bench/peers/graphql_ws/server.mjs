// Node's graphql-ws, as its documentation sets it up: graphql executes and encodes for each subscriber.
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type Fact {
    position: String!  stream: String!  version: Int!  type: String!  data: String!
    actor: String!  recordedAt: String!  seal: String!
  }
  type FactMessage { cursor: String!  fact: Fact! }
  type Query { position: String! }
  type Mutation { publish: Boolean }
  type Subscription { facts(types: [String!]): FactMessage! }`);

const data = "x".repeat(Number(process.env.BENCH_CHARACTERS) + 140);
const followers = new Set();
let position = 1_000_000;

async function* facts() {
  let wake;
  const waiting = [];
  const follower = (message) => { waiting.push(message); wake?.(); };
  followers.add(follower);
  try {
    for (;;) {
      while (waiting.length) yield { facts: waiting.shift() };
      await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    followers.delete(follower);
  }
}

function publish() {
  position += 1;
  const fact = {
    position: `${position}`, stream: "ticket-5d4c9a1e-4b0e-4f43-8d0e-3f1f0c4d5e6a", version: 1, type: "TicketOpened",
    data, actor: "bench", recordedAt: new Date().toISOString(), seal: "0".repeat(64),
  };
  for (const follower of followers) follower({ cursor: fact.position, fact });
  return true;
}

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
useServer({ schema, roots: { query: {}, mutation: { publish }, subscription: { facts } } }, sockets);
server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });
