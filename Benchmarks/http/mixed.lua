-- For wrk: mixed.lua PATH SHARE. Requests of PATH; every SHARE-th is one of /blocking (0: none).
--
-- Prints the number of requests, requests a second, the 99th percentile of the latency in milliseconds, and the number
-- of failures.

local count = 0

function init(arguments)
    share = tonumber(arguments[2])
    usual = wrk.format("GET", arguments[1])
    blocking = wrk.format("GET", "/blocking")
end

function request()
    count = count + 1
    return share > 0 and count % share == 0 and blocking or usual
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("measured %d %f %f %d\n", summary.requests, summary.requests / summary.duration * 1e6,
        latency:percentile(99) / 1e3, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
