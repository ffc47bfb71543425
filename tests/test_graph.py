"""x."""
import time, logging
from uuid import uuid4
from api import *
from conftest import World
import pytest

async def test_probe(world, caplog):
    api = Api(world)
    async def p(doc, **v):
        t=time.perf_counter()
        try:
            r = await api.execute(doc, **v)
        except BaseException as e:
            r = repr(e)[:300]
        print("\n>", doc[:100], v and str(v)[:80], f"{time.perf_counter()-t:.3f}s\n   ", str(r)[:500])
        for rec in caplog.records: print("   LOG", rec.levelname, rec.name, rec.message[:100])
        caplog.clear()
    c = await world.customer()
    print(await api.command("registerCustomer", name="A"))
    print(await api.command("registerCustomer", name=" "))
    await p('{ node(id: "x") { id } }')
    await p('{ node(id: "é") { id } }')
    await p('{ nodes(ids: ["x", "y"]) { id } }')
    await p('{ customers(first: 1, after: "") { nodes { id } } }')
    await p('{ customers(first: 1, after: "abc") { nodes { id } } }')
    await p('{ customers(first: 1, after: "é") { nodes { id } } }')
    await p('{ customers(first: 0) { nodes { id } } }')
    await p('{ customers(first: 2147483648) { nodes { id } } }')
    await p('query($n: Int) { customers(first: $n) { nodes { id } } }', n=2**31)
    await p('query($n: Int) { customers(first: $n) { nodes { id } } }', n=2**200)
    await p('query($n: Int) { customers(first: $n) { nodes { id } } }', n=1.5)
    await p('query($n: Int) { customers(first: $n) { nodes { id } } }', n="x")
    await p('query($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { id } } }', n=["a\0b"])
    await p('query($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { id } } }', n=["a\ud800b"])
    await p('query($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { id } } }', n=[])
    await p('query($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { id } } }', n=["x"]*100000)
    await p('query($n: [String!]) { facts(first: 1, streams: $n) { cursor } }', n=["a\0b"])
    await p('query($n: [String!]) { facts(first: 1, streams: $n) { cursor } }', n=["a\ud800b"])
    await p('query($n: [String!]) { facts(first: 1, types: $n) { cursor } }', n=["a\ud800b"])
    await p('{'+'a{'*5000+'a'+'}'*5001)
    await p('{'+'a{'*20+'a'+'}'*21)
    await p('{ customers(first: 1) {'+' nodes { tickets(first: 1) { nodes { customer { tickets(first: 1) { nodes { customer { tickets(first: 1) { nodes { customer { name } } } } } } } } } } }')
    await p('{ customers(first: 1) {'+' nodes { tickets(first: 1) { nodes { customer { tickets(first: 1) { nodes { customer { tickets(first: 1) { nodes { customer { tickets(first: 1) { nodes { customer { name } } } } } } } } } } } } } }')
    await p('{ customers(first: '+'['*3000+']'*3000+') { nodes { id } } }')
    await p('{ '+'position '*19000+'}')
    await p('{ '+'position '*21000+'}')
    await p('{ '+' '.join(f'a{i}: position' for i in range(101))+'}')
    await p('{ '+' '.join(f'a{i}: position' for i in range(100))+'}')
    await p('{ '+'x'*1000000+'}')
    await p('{ node(id: "'+'x'*1000000+'") { id } }')
    await p('')
    await p('{')
    await p('{ nothing }')
    await p('subscription { facts { cursor } }')
    await p('query a { position } query b { position }')
    await p('{ customers(first: 1, orderBy: {field: NOTHING}) { nodes { id } } }')
    await p('mutation { recordAll(commands: []) { recorded position outcomes { __typename } } }')
    await p('mutation { recordAll(commands: [{}]) { recorded position outcomes { __typename } } }')
    await p('mutation { recordAll(commands: [{registerCustomer: null}]) { recorded position outcomes { __typename } } }')
    await p('mutation($c: [CommandInput!]!) { recordAll(commands: $c) { recorded position outcomes { __typename } } }', c=[{}])
    await p('mutation($c: [CommandInput!]!) { recordAll(commands: $c) { recorded position outcomes { __typename } } }', c=[{"registerCustomer": None}])
    await p('mutation($c: [CommandInput!]!) { recordAll(commands: $c) { recorded position outcomes { __typename ...on UserError {code message path} } } }', c=[{"registerCustomer": {"commandId": str(uuid4()), "name": ""}}]*2)
    await p('mutation($c: [CommandInput!]!) { recordAll(commands: $c) { recorded position outcomes { __typename } } }', c=[{"registerCustomer": {"commandId": "x", "name": ""}}])
