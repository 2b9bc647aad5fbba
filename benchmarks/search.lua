-- For wrk: POST /v1/search, a body from the file $BODIES after another, none twice; counts statuses; tells all as JSON.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(_)
  bodies = {}
  for body in io.lines(os.getenv("BODIES")) do
    table.insert(bodies, wrk.format("POST", "/v1/search", {["Content-Type"] = "application/json"}, body))
  end
  place = 0
  counts = {}
end

function request()
  place = place + 1
  return bodies[place]
end

function response(status, _, _)
  counts[status] = (counts[status] or 0) + 1
end

function done(summary, latency, _)
  local statuses, said = {}, {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      statuses[status] = (statuses[status] or 0) + count
    end
  end
  for status, count in pairs(statuses) do
    table.insert(said, string.format('"%d": %d', status, count))
  end
  local errors = summary.errors
  print(string.format(
    'JSON {"seconds": %.3f, "p50": %.1f, "p95": %.1f, "p99": %.1f, "broken": %d, "statuses": {%s}}',
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(said, ", ")))
end
