package simulator

import (
	"slices"
	"strings"
)

// swarmTypes are the types of /v1/swarms/available (2026-07-13).
var swarmTypes = []string{
	"AgentRearrange", "MixtureOfAgents", "SequentialWorkflow", "ConcurrentWorkflow", "GroupChat",
	"MultiAgentRouter", "AutoSwarmBuilder", "HierarchicalSwarm", "auto", "MajorityVoting",
	"CouncilAsAJudge", "HeavySwarm", "BatchedGridWorkflow", "LLMCouncil", "DebateWithJudge",
	"RoundRobin", "PlannerWorkerSwarm",
}

// premiumModels answer 403 on the free tier, on every endpoint (Swarms docs,
// resources/pricing); groq/ stands for all that begin with it.
var premiumModels = []string{
	"gpt-5", "gpt-4.1", "gemini-2.5-pro", "claude-4-opus-20250514", "claude-4-sonnet-20250514",
	"claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4-5", "xai/grok-4", "xai/grok-4-fast-reasoning",
	"xai/grok-4-fast-non-reasoning", "xai/grok-4-latest",
}

// freeModels are for everyone; examples of them, as the true list is longer.
var freeModels = []string{
	"gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini", "gpt-5.1", "gpt-5.4", "o4-mini",
	"claude-opus-4-8", "claude-3-5-haiku-20241022", "gemini/gemini-2.5-flash", "deepseek/deepseek-chat",
	"openrouter/meta-llama/llama-3.3-70b-instruct",
}

// families begin the names of models that exist; the API asks LiteLLM's table,
// which has thousands and isn't here.
var families = []string{
	"gpt-", "chatgpt-", "o1", "o3", "o4", "claude-", "gemini", "deepseek", "mistral", "codestral", "command", "llama",
	"qwen", "grok", "openai/", "anthropic/", "azure/", "bedrock/", "vertex_ai/", "groq/", "xai/", "openrouter/", "together_ai/",
}

func premiumModel(m string) bool {
	return slices.Contains(premiumModels, m) || strings.HasPrefix(m, "groq/")
}

func knownModel(m string) bool {
	return slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(m, f) })
}

// modelsFor is the list of /v1/models/available, filtered by tier.
func modelsFor(tier string) []string {
	if tier == TierFree {
		return freeModels
	}
	return slices.Concat(freeModels, premiumModels)
}
