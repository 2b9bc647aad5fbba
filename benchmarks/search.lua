-- Script for wrk: sends POST /v1/search with each line of the file $REQUESTS once; prints times and statuses as JSON.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(_)
  requests = {}
  for body in io.lines(os.getenv("REQUESTS")) do
    table.insert(requests, wrk.format("POST", "/v1/search", {["Content-Type"] = "application/json"}, body))
  end
  position = 0
  counts = {}
end

function request()
  position = position + 1
  return requests[position]
end

function response(status, _, _)
  counts[status] = (counts[status] or 0) + 1
end

function done(summary, latency, _)
  local statuses, fields = {}, {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      statuses[status] = (statuses[status] or 0) + count
    end
  end
  for status, count in pairs(statuses) do
    table.insert(fields, string.format('"%d": %d', status, count))
  end
  local errors = summary.errors
  print(string.format(
    'JSON {"seconds": %.3f, "p50": %.1f, "p95": %.1f, "p99": %.1f, "failed": %d, "statuses": {%s}}',
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(fields, ", ")))
end
