package evidence

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func isText(b []byte) bool { return utf8.Valid(b) }

// readme is README.txt: a bundle explains itself to whoever has nothing else.
func readme(m Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, `EVIDENCE OF ONE BATCH OF PAID API JOBS

batch     %s
provider  %s
jobs      %d, of which %d succeeded
billed    %s in %d charges; the same runs by day: %s
policy    compliance: %s

WHAT IS HERE

  manifest.json        the batch, its terms and sums; each entry's length and SHA-256
  jobs.jsonl           each job and how it ended
  pins.jsonl           each request's SHA-256 as it is sent, and its models, temperatures and loops
  receipts.jsonl       each HTTP request that was made, whatever came of it
  charges.jsonl        each charge, with the text whose SHA-256 is its hash
  provider-log.jsonl   what the provider's own log says of these jobs
  audit.json           the verdict, and the comparison of the books
  report.json          the report of the morning
  requests.jsonl, answers.jsonl, signer.pem, SHA256SUMS.sig where they were asked for

`, m.Batch, m.Provider, m.Jobs.Total, m.Jobs.Succeeded, m.Money.Billed.Dollars(), m.Money.Charges, m.Money.DayPrice.Dollars(), m.Policy.Compliance)
	if len(m.Absent) > 0 {
		b.WriteString("WHAT ISN'T, AND WHY\n\n")
		for _, a := range m.Absent {
			fmt.Fprintf(&b, "  %s: %s\n", a.What, a.Why)
		}
		b.WriteString("\n")
	}
	b.WriteString(`TO CHECK ALL OF IT

  starter evidence verify FILE

which needs no settings, no network and no books.

TO CHECK IT BY HAND

  sha256sum FILE                             the digest of the whole, to compare with one that was noted elsewhere
  tar xf FILE && sha256sum -c SHA256SUMS     each entry

Each charge's hash is the SHA-256 of its canonical text, which begins with the hash of the charge before it:

  jq -rj 'select(.n == 17) | .canonical' charges.jsonl | sha256sum

What the hashes are of their own making doesn't say who made them. Of a signed bundle (signer.pem must be a key
that you know from elsewhere):

  openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig

WHAT IT PROVES

That the entries belong together and are as they were written. A charge proves the hash of the one before it, so a
row of the books can't be changed, moved or left out between two that are shown. Links marked "other" are charges of
other batches: their content isn't shown, so that they stand between ours is the word of the books. That the provider
charged these amounts is the provider's word, in its answers (receipts.jsonl has the SHA-256 of each) and in its log.
`)
	return b.String()
}
