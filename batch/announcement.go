package batch

import "time"

// Announcement is the input of the workflow Announce: what there is to tell,
// news of incidents that ended among it.
type Announcement struct {
	Alerts []Alert `json:"alerts"`
}

// AnnounceID is the workflow id under which what a run has to tell is told.
func AnnounceID(workflowID, runID string) string { return "alerts/" + workflowID + "/" + runID }

// RaiseRequest asks for alerts to be entered into the books, which decide what
// of them is to be told now, and where.
type RaiseRequest struct {
	By     string  `json:"by"` // the announcement, by its workflow's run id: asking twice enters once
	Alerts []Alert `json:"alerts"`
}

// Raised is what is to be told now: one telling for each sink.
type Raised struct {
	Tellings []Telling `json:"tellings"`
}

// Occasion is why an incident is told.
type Occasion string

// The occasions.
const (
	Opened  Occasion = "opened" // it is new
	Worse   Occasion = "worse"  // its severity rose
	Lasts   Occasion = "lasts"  // the quiet period is over, and it isn't
	IsOver  Occasion = "over"   // it has ended
	JustOne Occasion = "once"   // no incident: news that is told once
)

// Telling is one incident as it is told to one sink on one occasion.
type Telling struct {
	Delivery string   `json:"delivery"` // its id, the same for every attempt: whoever receives it can drop repeats
	Key      string   `json:"key"`      // the incident's
	Title    string   `json:"title"`
	Occasion Occasion `json:"occasion"`
	Sink     string   `json:"sink"`  // names where it goes: a hash
	Place    string   `json:"place"` // where it goes, for people: "slack hooks.slack.com"; never a secret
}

// Delivered is how a telling ended.
type Delivered struct {
	Delivery string        `json:"delivery"`
	State    DeliveryState `json:"state"`
	Place    string        `json:"place"`
	Attempts int           `json:"attempts"`
	At       time.Time     `json:"at,omitzero"`
}

// DeliveryState is how a telling stands.
type DeliveryState string

// The states of a telling.
const (
	DeliveryDue     DeliveryState = "due"
	DeliverySent    DeliveryState = "sent"    // the sink has taken it
	DeliveryFailed  DeliveryState = "failed"  // given up
	DeliveryDropped DeliveryState = "dropped" // newer news of the same incident came before it could be sent
)

// Announced is how an announcement ended.
type Announced struct {
	Alerts  int `json:"alerts"`
	Told    int `json:"told"` // tellings in all
	Sent    int `json:"sent"`
	Failed  int `json:"failed"`
	Dropped int `json:"dropped"`
}
