package simulator

import "net/http"

// The paths (Swarms docs, quickstart, 2026-07-13).
const (
	pathSwarm     = "/v1/swarm/completions"
	pathBatch     = "/v1/swarm/batch/completions"
	pathCredits   = "/v1/account/credits"
	pathCosts     = "/v1/usage/costs"
	pathReport    = "/v1/usage/report"
	pathLimits    = "/v1/rate/limits"
	pathLogs      = "/v1/swarm/logs"
	pathModels    = "/v1/models"
	pathAvailable = "/v1/models/available"
	pathTypes     = "/v1/swarms/available"
	pathMetrics   = "/v1/metrics/summary"
	pathHealth    = "/health"
	pathRoot      = "/"
	pathUnknown   = "(unknown path)" // as booked
)

// methods of the paths; anything else is 404, another method 405.
var methods = map[string]string{
	pathSwarm: http.MethodPost, pathBatch: http.MethodPost,
	pathCredits: http.MethodGet, pathCosts: http.MethodGet, pathReport: http.MethodGet,
	pathLimits: http.MethodGet, pathLogs: http.MethodGet, pathModels: http.MethodGet,
	pathAvailable: http.MethodGet, pathTypes: http.MethodGet, pathMetrics: http.MethodGet,
	pathHealth: http.MethodGet, pathRoot: http.MethodGet,
}

// billable says whether requests to the endpoint cost money.
func billable(endpoint string) bool {
	return endpoint == pathSwarm || endpoint == pathBatch
}
