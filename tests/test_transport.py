"""x."""
from api import serving
async def test_a(database_url, tmp_path):
    async with serving(database_url, tmp_path) as server:
        print(await server.ask("{ position }"))
        async with server.socket() as s:
            await s.subscribe("{ position }")
            print(await s.next())
            print(await s.next())
