package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// The groups in which starter --help lists its commands.
const (
	groupNights   = "nights"
	groupLooking  = "looking"
	groupSteering = "steering"
	groupMoney    = "money"
	groupSetting  = "setting"
)

func groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: groupNights, Title: "Nights"},
		{ID: groupLooking, Title: "Looking"},
		{ID: groupSteering, Title: "Steering"},
		{ID: groupMoney, Title: "Money and books"},
		{ID: groupSetting, Title: "Setting up"},
	}
}

// manual is what a command's help says beside its own text.
type manual struct {
	group    string   // of a command of the first level
	needs    string   // what must be there for it
	settings []string // variables that it reads; see settingTexts
	exits    string   // codes that it ends with, and what they mean here
}

const (
	needTemporal = "a Temporal server; a worker for anything to happen"
	needWorker   = "a Temporal server and a worker that polls"
	needBooks    = "the ledger; neither Temporal nor a worker"
	needNothing  = "nothing: no server, no key, no network"

	exitNight = "0 done and audited; 3 done, with jobs left over; 4 refused for money, or a budget was reached; 5 the audit failed; 2 bad input; 6 Temporal or the provider out of reach; 130 interrupted"
	exitAsk   = "0 answered; 2 bad input, or there is no such thing; 6 out of reach; 130 interrupted"
)

var (
	atTemporal = []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "OFFPEAK_CODEC_KEYS_FILE"}
	atBooks    = []string{"OFFPEAK_LEDGER"}
	atCodec    = []string{"OFFPEAK_CODEC_KEYS_FILE", "OFFPEAK_CODEC_KEYS"}
)

func also(some []string, more ...string) []string {
	return append(append([]string{}, some...), more...)
}

// manuals has one entry for each command, by its path behind "starter"; a
// command below another has that one's, unless it has its own.
var manuals = map[string]manual{
	"validate": {groupNights, needNothing, []string{"OFFPEAK_LIMITS"}, "0 nothing is wrong; 2 something is"},
	"estimate": {groupNights, "nothing; with a key, the provider's free requests", []string{"SWARMS_API_KEY", "SWARMS_BASE_URL", "OFFPEAK_LIMITS", "OFFPEAK_DIALECTS"}, "0 priced; 2 bad input; 4 the key was refused; 130 interrupted"},
	"run":      {groupNights, needTemporal, also(atTemporal, "TEMPORAL_UI_ADDRESS"), exitNight},
	"start":    {groupNights, needTemporal, also(atTemporal, "TEMPORAL_UI_ADDRESS"), "0 started, or running already; 2 bad input; 6 Temporal out of reach; 130 interrupted"},
	"schedule": {groupNights, needTemporal, atTemporal, exitAsk},

	"list":    {groupLooking, "the ledger, or Temporal: what one of them knows is shown", also(atBooks, atTemporal...), exitAsk},
	"status":  {groupLooking, needWorker, also(atTemporal, "TEMPORAL_UI_ADDRESS", "OFFPEAK_LEDGER"), exitAsk + "; with --watch those of starter watch"},
	"watch":   {groupLooking, needWorker, also(atTemporal, "TEMPORAL_UI_ADDRESS"), exitNight},
	"report":  {groupLooking, "a Temporal server; the archive's folder for the whole text", atTemporal, exitNight},
	"jobs":    {groupLooking, needBooks, atBooks, exitAsk},
	"results": {groupLooking, "the ledger and the archive; neither Temporal nor a worker", also(atBooks, "OFFPEAK_ARCHIVE"), exitAsk},

	"alerts":      {groupLooking, needBooks, atBooks, exitAsk},
	"alerts test": {"", "the sinks; neither the ledger, Temporal nor a worker", []string{"OFFPEAK_NOTIFY", "OFFPEAK_NOTIFY_FILE", "OFFPEAK_NOTIFY_SECRET"}, "0 every sink has taken it; 2 a bad address, or none; 6 a sink hasn't; 130 interrupted"},

	"pause":  {groupSteering, needWorker, atTemporal, exitAsk},
	"resume": {groupSteering, needWorker, atTemporal, exitAsk},
	"cancel": {groupSteering, needWorker, atTemporal, exitAsk},
	"raise":  {groupSteering, needWorker, atTemporal, exitAsk},
	"stop":   {groupSteering, needBooks, atBooks, exitAsk},
	"go":     {groupSteering, needBooks, atBooks, exitAsk},

	"reconcile":     {groupMoney, needWorker, atTemporal, exitNight},
	"usage":         {groupMoney, needBooks, atBooks, exitAsk},
	"advice":        {groupMoney, needBooks, atBooks, exitAsk},
	"usage watch":   {"", "a Temporal server and a worker that polls; with --last the ledger alone", also(atTemporal, "OFFPEAK_LEDGER"), exitAsk},
	"export":        {groupMoney, needBooks, atBooks, exitAsk},
	"logs":          {groupMoney, "the log lake; for export a Temporal server and a worker", []string{"OFFPEAK_LAKE", "OFFPEAK_ARCHIVE"}, exitAsk},
	"logs export":   {"", needWorker, atTemporal, "0 exported, or nothing was new; 2 bad input; 5 the lake isn't as it was written; 6 Temporal, the provider or the lake out of reach; 130 interrupted"},
	"logs verify":   {"", "the log lake; neither Temporal nor a worker", []string{"OFFPEAK_LAKE", "OFFPEAK_ARCHIVE"}, "0 everything holds; 5 something doesn't; 2 there is no lake; 6 out of reach; 130 interrupted"},
	"ledger":        {groupMoney, needBooks, atBooks, exitAsk},
	"ledger verify": {"", needBooks, atBooks, "0 everything holds; 5 something doesn't; 2 there are no books; 6 out of reach; 130 interrupted"},
	"ledger export": {"", needBooks, atBooks, exitAsk},

	"evidence": {
		groupMoney, "the ledger and the archive; the log lake or the API for the provider's rows; neither Temporal nor a worker",
		also(atBooks, "OFFPEAK_ARCHIVE", "OFFPEAK_LAKE", "SWARMS_API_KEY", "SWARMS_BASE_URL"),
		"0 written, and everything in it holds; 5 written, and something doesn't, as in the books; 2 bad input, no such batch, or it isn't judged yet; 6 out of reach; 130 interrupted",
	},
	"evidence verify": {"", needNothing, nil, "0 everything holds; 5 something doesn't; 2 it is no evidence, or there is no such file; 130 interrupted"},

	"deploy": {groupSetting, "a Temporal server (1.28 or later); workers with OFFPEAK_DEPLOYMENT", also(atTemporal, "OFFPEAK_DEPLOYMENT"), exitAsk},

	"demo":      {groupSetting, "the temporal binary; everything else it brings along", []string{"OFFPEAK_TEMPORAL"}, "0 all went as staged; 1 something didn't; 130 interrupted"},
	"providers": {groupSetting, needNothing, []string{"OFFPEAK_DIALECTS"}, "0; 2 a declaration is wrong, or there is no such provider"},
	"version":   {groupSetting, needNothing, nil, "0"},

	"completion": {groupSetting, needNothing, nil, "0; 2 no such shell"},
	"serve": {
		groupSetting, "a Temporal server; the ledger and the archive for what is read from them",
		also(atTemporal, "OFFPEAK_LEDGER", "OFFPEAK_ARCHIVE", "OFFPEAK_HTTP_ADDR", "OFFPEAK_HTTP_KEYS_FILE", "OFFPEAK_HTTP_KEYS", "OFFPEAK_HTTP_ROOTS", "OFFPEAK_HTTP_TLS_CERT", "OFFPEAK_HTTP_TLS_KEY"),
		"0 drained; 2 bad input; 6 out of reach; 130 interrupted",
	},
	"purge":         {groupMoney, needWorker, atTemporal, "0 done, or said; 2 bad input, or the batch runs; 5 an outcome of the batch isn't known; 6 Temporal, the ledger or the archive out of reach; 130 interrupted"},
	"keys":          {groupSetting, needNothing, nil, "0 made; 2 bad input"},
	"codec":         {groupSetting, needNothing, nil, "0"},
	"codec new-key": {"", needNothing, nil, "0 made; 2 bad input"},
	"codec used":    {"", "a Temporal server", also(atTemporal, "OFFPEAK_CODEC_KEYS"), "0 every key that is needed is here; 2 one isn't; 6 Temporal out of reach; 130 interrupted"},
	"codec check":   {"", needNothing, atCodec, "0 the keys are good; 2 they aren't, or there are none"},
}

// settingTexts describes each variable that a manual names.
var settingTexts = map[string]string{
	"TEMPORAL_ADDRESS":        "Temporal's host:port, localhost:7233 by default; or --address",
	"TEMPORAL_NAMESPACE":      "its namespace, default by default; or --namespace",
	"OFFPEAK_DEPLOYMENT":      "the name of the workers that are deployed together; or --name",
	"OFFPEAK_LEDGER":          "the books, as the worker's: sqlite:PATH or postgres://...",
	"OFFPEAK_ARCHIVE":         "the answers, as the worker's: file:///... or s3://...",
	"OFFPEAK_LAKE":            "the provider's log, as the worker's; lake below the archive by default",
	"OFFPEAK_DIALECTS":        "declarations of other metered APIs: files and folders",
	"OFFPEAK_LIMITS":          "rate limits of a contract, such as 1/2s,2000/1m",
	"OFFPEAK_TEMPORAL":        "path of the temporal binary",
	"OFFPEAK_HTTP_ADDR":       "host:port to listen on",
	"OFFPEAK_HTTP_KEYS":       "lines of keys that may call, separated by commas",
	"OFFPEAK_HTTP_KEYS_FILE":  "file of the keys that may call, followed as it changes",
	"OFFPEAK_HTTP_TLS_CERT":   "file of the certificate; or --tls-cert",
	"OFFPEAK_HTTP_TLS_KEY":    "file of its key; or --tls-key",
	"OFFPEAK_HTTP_ROOTS":      "places that a caller may name files in",
	"OFFPEAK_NOTIFY":          "where alerts go: addresses separated by spaces; never printed",
	"OFFPEAK_NOTIFY_FILE":     "a file that holds them",
	"OFFPEAK_NOTIFY_SECRET":   "signs what goes to webhooks of one's own; never printed",
	"SWARMS_API_KEY":          "for the account's own prices, limits, credits; never printed",
	"SWARMS_BASE_URL":         "the API, https://api.swarms.world by default",
	"TEMPORAL_UI_ADDRESS":     "where the Temporal UI is, for links; or --ui-address",
	"NO_COLOR":                "no colours, as --no-color",
	"OFFPEAK_CODEC_KEYS_FILE": "file of the keys that encrypt what Temporal keeps, as the worker's",
	"OFFPEAK_CODEC_KEYS":      "the same lines, separated by commas",
}

// path is a command's name behind "starter".
func path(c *cobra.Command) string {
	_, p, _ := strings.Cut(c.CommandPath(), " ")
	return p
}

// manualOf is a command's entry, or that of the command that it is below.
func manualOf(c *cobra.Command) (manual, bool) {
	for ; c.HasParent(); c = c.Parent() {
		if m, ok := manuals[path(c)]; ok {
			return m, true
		}
	}
	return manual{}, false
}

// bind gives every command its place in the manual.
func bind(root *cobra.Command) {
	root.AddGroup(groups()...)
	for _, c := range root.Commands() {
		if !c.IsAdditionalHelpTopicCommand() {
			c.GroupID = manuals[path(c)].group
		}
		if c.Name() != "completion" {
			continue
		}
		c.Short = "Teach a shell to complete commands, flags, batches and states"
		c.Long = `Prints what a shell needs to complete starter's commands and flags, files of
manifests, states, and the batches that the ledger and Temporal know. Who doesn't
answer within a second is left out.

Once for a session, or for good: COMMAND --help says where the shell keeps it.`
		c.Example = "  source <(starter completion bash)"
		for _, shell := range c.Commands() {
			shell.Example = "  starter completion " + shell.Name()
		}
	}
}
