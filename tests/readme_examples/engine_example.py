import pagelens

engine = pagelens.open("my-collection", create=True)
engine.index(["papers/", "photos/"])
for hit in engine.search("annual turnover 2019", filters=pagelens.Filters(paths=["papers"])).hits:
    print(hit.ref, [one.quote for one in hit.evidence])
print(engine.ask("How high was the turnover in 2019?").text)
