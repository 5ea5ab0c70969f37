package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Format names the form of a bundle. Another form has another name.
const Format = "offpeak evidence/v1"

// The entries.
const (
	FileManifest  = "manifest.json"
	FileReadme    = "README.txt"
	FileJobs      = "jobs.jsonl"
	FilePins      = "pins.jsonl"
	FileRequests  = "requests.jsonl"
	FileReceipts  = "receipts.jsonl"
	FileCharges   = "charges.jsonl"
	FileLog       = "provider-log.jsonl"
	FileAudit     = "audit.json"
	FileReport    = "report.json"
	FileAnswers   = "answers.jsonl"
	FileSigner    = "signer.pem"
	FileSums      = "SHA256SUMS"
	FileSignature = "SHA256SUMS.sig"
)

// order is in which order the entries between manifest.json and SHA256SUMS
// stand.
var order = []string{
	FileReadme, FileJobs, FilePins, FileRequests, FileReceipts, FileCharges, FileLog, FileAudit, FileReport, FileAnswers, FileSigner,
}

// Manifest is manifest.json.
type Manifest struct {
	Format  string `json:"format"`
	Program string `json:"program"` // which offpeak wrote it
	SHA256  string `json:"sha256"`  // of this very document with nothing between these quotes

	Batch     batch.ID     `json:"batch"`
	Provider  string       `json:"provider"`
	Key       string       `json:"key"`      // the API key's id, a hash's first digits
	Workflow  Workflow     `json:"workflow"` // that had the night in hand last
	Digest    string       `json:"digest"`   // of the work that was asked for: name, provider, and each job's name and request in order
	PlannedAt time.Time    `json:"planned_at"`
	Span      tariff.Span  `json:"span"`
	Card      tariff.Card  `json:"card"`
	Budget    batch.Budget `json:"budget"`
	Policy    batch.Policy `json:"policy"`

	Jobs  batch.Counts `json:"jobs"`
	Money Money        `json:"money"`
	Chain Chain        `json:"chain"`

	Log    string   `json:"log"`    // where the provider's rows come from: "lake", "provider", or "" for none
	Absent []Absent `json:"absent"` // what a bundle could have, and this one hasn't
	Files  []File   `json:"files"`
}

// Workflow names a run in Temporal.
type Workflow struct {
	ID  string `json:"id"`
	Run string `json:"run"`
}

// Money is what the batch came to: sums over charges.jsonl.
type Money struct {
	Charges  int       `json:"charges"`
	Billed   money.USD `json:"billed"`
	DayPrice money.USD `json:"day_price"`
	Saved    money.USD `json:"saved"`
}

// Chain is the stretch of the ledger's chain that charges.jsonl shows.
type Chain struct {
	First  int64 `json:"first"`  // the batch's first charge; 0 when it has none
	Last   int64 `json:"last"`   // its last
	Others int64 `json:"others"` // charges of other batches between them: links without content
}

// Absent is a part that isn't there, and why.
type Absent struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// File is an entry.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Lines  int    `json:"lines,omitempty"` // of a file of lines
	SHA256 string `json:"sha256"`

	// Stretches are the first 16 digits of the SHA-256 of each 64 KiB, of a
	// content that is longer: they say where it was changed.
	Stretches []string `json:"stretches,omitempty"`
}

// Job is a line of jobs.jsonl.
type Job struct {
	Seq       int         `json:"seq"` // position in the manifest, from 0
	Name      string      `json:"name"`
	RequestID string      `json:"request_id"`
	State     batch.State `json:"state"`
	Why       string      `json:"why,omitempty"`
	Type      string      `json:"type,omitempty"`
	Models    []string    `json:"models"`
	Agents    int64       `json:"agents"`
	Estimate  money.USD   `json:"estimate"`
	Ceiling   money.USD   `json:"ceiling"`
	Attempts  int         `json:"attempts"`
	Planned   string      `json:"planned_sha256"` // of the request as it was planned, before it got its tag
}

// Pin is a line of pins.jsonl: what makes a job's answer repeatable.
type Pin struct {
	Seq       int             `json:"seq"`
	RequestID string          `json:"request_id"`
	Bytes     int             `json:"request_bytes"`
	SHA256    string          `json:"request_sha256"` // of the request as it is sent, tag included
	Pins      json.RawMessage `json:"pins"`           // the request without its texts: see Skeleton
}

// Request is a line of requests.jsonl.
type Request struct {
	Seq       int    `json:"seq"`
	RequestID string `json:"request_id"`
	Request   string `json:"request"` // the body as it is sent, byte for byte
}

// Receipt is a line of receipts.jsonl: one HTTP request.
type Receipt struct {
	Seq       int             `json:"seq"`
	RequestID string          `json:"request_id"`
	Attempt   int             `json:"attempt"` // from 1
	Key       string          `json:"key"`
	Together  bool            `json:"together,omitempty"` // it left in one request with other jobs
	Free      bool            `json:"free,omitempty"`     // it moves no money: a quote, a look at how far the work is
	Step      string          `json:"step,omitempty"`     // of a provider whose jobs have several
	SentAt    time.Time       `json:"sent_at"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
	Status    int             `json:"status"` // 0 without an answer
	Ending    ledger.Ending   `json:"ending"`
	Outcome   batch.Kind      `json:"outcome,omitempty"` // empty for a success
	Receipt   json.RawMessage `json:"receipt,omitempty"` // headers, lengths, the answer's SHA-256
}

// Charge is a line of charges.jsonl: a link of the chain. Of another batch's
// charge it has its number and hashes only.
type Charge struct {
	N         int64         `json:"n"`
	Prev      string        `json:"prev"`
	Hash      string        `json:"hash"`
	Other     bool          `json:"other,omitempty"` // of another batch
	Seq       *int          `json:"seq,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Attempt   int           `json:"attempt,omitempty"`
	Source    ledger.Source `json:"source,omitempty"`
	Billed    *money.USD    `json:"billed,omitempty"`
	DayPrice  *money.USD    `json:"day_price,omitempty"`
	Canonical string        `json:"canonical,omitempty"` // what Hash is the SHA-256 of
}

// Row is a line of provider-log.jsonl: what the provider's own log says of a
// job. Amounts are its literals.
type Row struct {
	Seq          int       `json:"seq"`
	RequestID    string    `json:"request_id"`
	ID           string    `json:"id"`
	CreatedAt    string    `json:"created_at"`
	Category     string    `json:"category,omitempty"`
	Key          string    `json:"key,omitempty"`
	JobID        string    `json:"job_id,omitempty"`
	Status       string    `json:"status,omitempty"`
	Name         string    `json:"name"`
	Type         string    `json:"type,omitempty"`
	Billed       *Amount   `json:"billed,omitempty"` // absent: the row has no price
	Tokens       *[2]int64 `json:"tokens,omitempty"` // input, output
	Agents       int64     `json:"agents,omitempty"`
	NightApplied *bool     `json:"night_applied,omitempty"`
	SHA256       string    `json:"sha256"` // of the row's content as the provider wrote it, keys taken out
}

// Amount is dollars as they were printed, and as they were read.
type Amount struct {
	USD  money.USD `json:"usd"`
	Text string    `json:"text"`
}

// Answer is a line of answers.jsonl.
type Answer struct {
	Seq       int    `json:"seq"`
	RequestID string `json:"request_id"`
	SHA256    string `json:"sha256"`
	Answer    string `json:"answer,omitempty"`        // as it came
	Bytes     []byte `json:"answer_base64,omitempty"` // one that isn't UTF-8
	Missing   string `json:"missing,omitempty"`       // why a job that succeeded has none
}

// line is a value as one line of JSON, in its only form.
func line(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write a line of evidence: %w", err)
	}
	return b.Bytes(), nil
}

// page is a value as a document of JSON for people, in its only form.
func page(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write a page of evidence: %w", err)
	}
	return b.Bytes(), nil
}

// strict reads one value and wants it written as write would.
func strict[V any](b []byte, write func(any) ([]byte, error)) (V, string) {
	var v V
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return v, "it can't be read: " + err.Error()
	}
	again, err := write(v)
	if err != nil {
		return v, err.Error()
	}
	if !bytes.Equal(again, b) {
		return v, fmt.Sprintf("it isn't written as evidence is: byte %d should be otherwise", differs(again, b))
	}
	return v, ""
}

// differs is where two texts begin to differ, from 0.
func differs(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// Sum is the SHA-256 of b, in hex.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// seal gives a manifest its hash.
func (m Manifest) seal() (Manifest, []byte, error) {
	m.SHA256 = ""
	bare, err := page(m)
	if err != nil {
		return m, nil, err
	}
	m.SHA256 = Sum(bare)
	whole, err := page(m)
	return m, whole, err
}
