package workflows

// Durable names. They are written into histories and schedules, so they are
// frozen once released: a Go rename never changes them.
const (
	NightlyBatchName = "NightlyBatch"
	NightlyShardName = "NightlyShard"

	ReconcileBatchName = "ReconcileBatch"
	ReconcileNightName = "ReconcileNight"
	UsageWatchName     = "UsageWatch"

	AnnounceName = "Announce"

	PurgeName = "Purge"

	LogExportName = "LogExport"

	ExportLogName     = "ExportLog"
	PlanNightName     = "PlanNight"
	CheckCreditsName  = "CheckCredits"
	PendingJobsName   = "PendingJobs"
	SubmitSwarmName   = "SubmitSwarm"
	SubmitBatchName   = "SubmitBatch"
	SubmitLaneName    = "SubmitLane"
	SubmitRequestName = "SubmitRequest"
	ReconcileName     = "Reconcile"
	NightBatchesName  = "NightBatches"
	AuditDiscountName = "AuditDiscount"
	SteerNightName    = "SteerNight"
	LookNightName     = "LookNight"
	WatchUsageName    = "WatchUsage"
	RaiseAlertsName   = "RaiseAlerts"
	DeliverAlertName  = "DeliverAlert"
	PurgeOldName      = "PurgeOld"

	// ToldSignal tells a night that the provider says one of its jobs is done: it
	// is asked for at once, and not when its turn comes. Its value is a batch.Told.
	ToldSignal = "told"

	ProgressQuery = "progress" // a batch.Progress
	SummaryQuery  = "summary"  // the same for people, as text

	PauseUpdate       = "pause"
	ResumeUpdate      = "resume"
	CancelUpdate      = "cancel"
	RaiseBudgetUpdate = "raise_budget"
	GiveWayUpdate     = "give_way" // a worker asks a night that only waits to leave its batch to another run
)

// The Nexus service that services in other namespaces call. Both operations
// take the one JSON value that NightlyBatch takes, as one that names its batch.
const (
	NexusService    = "offpeak"
	RunNightNexus   = "run-night"   // ends with the night's result, when the night ends
	StartNightNexus = "start-night" // answers at once which night it is: batch.Started
)

// Task queues: the story on one, paid sends on the other, so that a flood of
// sends never holds up a timer or an audit.
const (
	TaskQueue      = "offpeak"
	SendsTaskQueue = "offpeak-sends"
)

// Search attributes, set when the namespace has them (the worker adds them
// where it may).
const (
	AttrBatch = "OffpeakBatch" // "market-digest/2026-11-22"
	AttrNight = "OffpeakNight" // "2026-11-22"
	AttrState = "OffpeakState" // a Progress.State
)

// The states of a night as Progress.State and AttrState show them.
const (
	StatePlanning    = "planning"
	StateWaiting     = "waiting"
	StateSending     = "sending"
	StatePaused      = "paused"      // only AttrState: while it waits or sends, and somebody paused it
	StateReconciling = "reconciling" // everything is sent: the provider's log catches up, then its books are compared
	StateAuditing    = "auditing"
	StateDone        = "done"
	StateRefused     = "refused"   // ended before anything was sent
	StateGaveWay     = "gave way"  // ended before anything was sent: another run has the batch now
	StateFailed      = "failed"    // the audit failed
	StateElsewhere   = "elsewhere" // a schedule's run that found its night running as another workflow, and left it alone
)
