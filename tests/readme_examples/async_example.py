import asyncio

import pagelens


async def main() -> None:
    async with pagelens.AsyncPageLensClient("http://127.0.0.1:8000") as client:
        async for event in client.ask_stream("How high was the turnover in 2019?"):
            if isinstance(event, str):
                print(event, end="")


asyncio.run(main())
