package config

// setting is one variable that offpeak reads. The table is what --help prints
// and what a misspelt name is compared with.
type setting struct {
	name    string
	def     string // what holds when it isn't set, for people
	meaning string
	extreme string // what goes wrong with a bad value
}

var settings = []setting{
	{
		"SWARMS_API_KEY", "none: a worker needs it", "the key that pays, sent as x-api-key",
		"a refused key closes the night after one request",
	},
	{
		"SWARMS_API_KEY_FILE", "", "a file that holds the key, for secrets that are mounted; one of the two, not both",
		"line ends around the key are dropped",
	},
	{
		"SWARMS_BASE_URL", "https://api.swarms.world", "where the Swarms API is; http only where the key can't cross the internet",
		"a simulator here, and nothing is paid for",
	},
	{"SWIFTIA_API_KEY", "none: no Swiftia", "the key that pays at Swiftia (or SWIFTIA_API_KEY_FILE)", ""},
	{
		"SWIFTIA_ORGANISATION", "each key by itself", "names the organisation, whose keys share one limit",
		"workers that name it differently don't see each other's requests, and are refused",
	},
	{"SWIFTIA_LIMIT", "1/2s", "requests of the organisation's plan: 1/5s, 5/1s", ""},
	{"SWIFTIA_BASE_URL", "https://app.swiftia.io/api", "where Swiftia is", ""},
	{"ALLSWAP_KEY_ID", "none: no Allswap", "the key's id at Allswap, ak_live_... or ak_sandbox_... (or ALLSWAP_KEY_ID_FILE)", ""},
	{"ALLSWAP_SECRET", "", "its secret, of the same environment (or ALLSWAP_SECRET_FILE)", "a pair of two environments is refused: key_mismatch"},
	{"ALLSWAP_RPM", "what its headers say", "requests a minute of the plan", ""},
	{"ALLSWAP_QUOTES_MONTH", "none: not kept count of", "quotes a month of the plan", ""},
	{"ALLSWAP_BASE_URL", "https://api.allswap.io", "where Allswap is", ""},
	{
		"OFFPEAK_DIALECTS", "none", "declarations of other metered APIs: files and folders, separated by commas (docs/adding-a-provider.md)",
		"a declaration says which secrets go where: as trusted as the worker",
	},
	{
		"OFFPEAK_LEDGER", "sqlite:<state>/offpeak.db", "the books: sqlite:PATH or postgres://user@host/database",
		"two workers with different books can pay for one job twice: they must share them",
	},
	{
		"OFFPEAK_ARCHIVE", "file://<state>/archive", "where answers and reports are kept: file:///absolute/folder, or s3://bucket/prefix?region=REGION (also endpoint=URL, use_path_style=true, profile=NAME)",
		"answers are as private as the tasks were. For S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role say who asks; never the URL",
	},
	{
		"OFFPEAK_LAKE", "lake below the archive", "where the provider's log is kept: as OFFPEAK_ARCHIVE; Google Cloud Storage as s3:// with HMAC keys and endpoint=https://storage.googleapis.com",
		"it holds answers, as the archive does; who moves it moves all of it, or the next export takes everything again",
	},
	{
		"OFFPEAK_LIMITS", "none", "rate limits that you know of besides those that the API tells: 1/2s,2000/1m (requests/span)",
		"all workers on the ledger keep what the one says that started last",
	},
	{
		"OFFPEAK_CAP_DAY", "none", "dollars that may be spent on one night, over all batches and keys of the ledger",
		"each worker keeps its own: give all workers the same",
	},
	{
		"OFFPEAK_CAP_KEY", "none", "dollars that one API key may spend on one night, over all batches of the ledger",
		"each worker keeps its own: give all workers the same",
	},
	{
		"OFFPEAK_WATCH_FLOOR", "1.00", "dollars a day up to which the usage watch never calls a day high",
		"0: twice of nearly nothing is an alert; higher than a day's bill: none ever comes",
	},
	{
		"OFFPEAK_CREDITS_LOW", "none", "dollars of credits below which the usage watch says so, besides 1.5 times what a night costs",
		"",
	},
	{
		"OFFPEAK_KEEP_PROMPTS", "forever", "how long the ledger keeps what was sent for a job, from the close of its night: days, such as 90d, at least 14d",
		"all that deletes is the purge: starter purge, or its schedule. Charges, states and digests stay for ever",
	},
	{
		"OFFPEAK_KEEP_ANSWERS", "forever", "how long the archive keeps answers and results.jsonl, the same way",
		"an answer that nobody fetched in time is gone; reports stay",
	},
	{
		"OFFPEAK_KEEP_RECEIPTS", "forever", "how long the ledger keeps what each request left behind: headers, elapsed time, how far it got",
		"status, outcome and times of each request stay for ever",
	},
	{
		"OFFPEAK_KEEP_LOGS", "forever", "how long the lake keeps the rows of the provider's log, by the day on which they were made",
		"what a day's rows came to stays in the lake's manifests",
	},
	{"OFFPEAK_LOG_LEVEL", "info", "debug, info, warn or error", "debug logs every verdict of the gate"},
	{"OFFPEAK_LOG_FORMAT", "console on a terminal, else json", "console or json", ""},
	{
		"OFFPEAK_HTTP_ADDR", "127.0.0.1:8780", "where starter serve listens",
		"an address that others reach needs keys",
	},
	{
		"OFFPEAK_HTTP_KEYS_FILE", "none", "the file of keys that may use the HTTP API: one ID:SCOPE:sha256=HEX a line, as starter keys new prints",
		"read anew when it changes; replace it at once (mv), or half of it counts for a second",
	},
	{
		"OFFPEAK_HTTP_KEYS", "none", "the same lines, separated by commas, for machines without files; one of the two, not both",
		"hashes only: a secret itself is refused",
	},
	{
		"OFFPEAK_HTTP_ROOTS", "only uploads; every place on a server without keys", "folders and buckets whose files a request over HTTP may name, separated by commas: file:///srv/nights/,s3://bucket/nights/?region=REGION",
		"workers read them with rights of their own: a root too wide lets callers have their files sent to the provider",
	},
	{"OFFPEAK_HTTP_TLS_CERT", "none: no TLS", "the certificate of starter serve, a PEM file with its chain; read anew when it changes", ""},
	{"OFFPEAK_HTTP_TLS_KEY", "", "the file of its private key", ""},
	{
		"OFFPEAK_DEPLOYMENT", "none: whichever worker is free goes on with a night", "the name of the workers that are deployed together, such as offpeak: a night then ends on the build that it began on",
		"give all workers the same, and nothing goes to a build before starter deploy promote; a worker without it gets nothing while another build is current",
	},
	{
		"OFFPEAK_BUILD_ID", "the commit", "what tells this build from others of the deployment, such as a release's name or an image's digest",
		"two programs under one id, and a night may meet a story that it didn't begin with",
	},
	{
		"OFFPEAK_NOTIFY", "none: starter alerts lists what is wrong", "where alerts go, addresses separated by spaces or line ends: https://..., https://hooks.slack.com/..., smtp://..., pagerduty://..., discord:// and so on; each with ?min=warning, ?kinds=audit,usage or ?report=1",
		"addresses hold secrets; give all workers the same, or some can't deliver what others have noticed. starter alerts test tries them",
	},
	{"OFFPEAK_NOTIFY_FILE", "", "a file that holds the addresses, one a line, # for comments; one of the two, not both", ""},
	{"OFFPEAK_NOTIFY_SECRET", "none: unsigned", "signs what goes to webhooks of your own (HMAC-SHA256, header Offpeak-Signature)", ""},
	{"OFFPEAK_NOTIFY_QUIET", "24h", "after how long an incident that lasts is told again, and one that came back counts as new", "too short, and people stop reading"},
	{
		"OFFPEAK_CODEC_KEYS_FILE", "none: Temporal keeps inputs and results in clear", "the file of keys that encrypt what Temporal keeps: one ID:BASE64 a line, as starter codec new-key prints; the first encrypts, each decrypts; read anew when it changes",
		"whoever lacks a key can't go on with a night that was encrypted with it: give all workers and starters a new key before it becomes the first",
	},
	{
		"OFFPEAK_CODEC_KEYS", "none", "the same lines, separated by commas, for machines without files; one of the two, not both",
		"the keys themselves: keep them where you keep the API key",
	},
	{
		"TEMPORAL_UI_ADDRESS", "http://localhost:8233 for a server on localhost:7233, cloud.temporal.io for Temporal Cloud, else none",
		"where the Temporal UI is, for the links that the starter prints", "",
	},
	{"OFFPEAK_TEMPORAL", "", "the temporal binary for demo and tests", ""},
	{"OFFPEAK_TEST_POSTGRES", "", "a PostgreSQL URL for the tests of the ledger", ""},
}

// Known lists the variables that offpeak reads.
func Known() []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name
	}
	return names
}
