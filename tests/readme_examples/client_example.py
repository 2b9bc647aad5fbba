from pathlib import Path

import pagelens

with pagelens.PageLensClient("http://127.0.0.1:8000") as client:
    client.index([Path("report.pdf")])
    for hit in client.search("annual turnover 2019", k=3).hits:
        print(hit.name, hit.number)
    print(client.ask("How high was the turnover in 2019?").text)
