package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// result compares the hashes, and puts what is wrong with the file before what
// is wrong with what it says.
func (w *walk) result() Verified {
	v := Verified{
		Digest: hex.EncodeToString(w.sum.Sum(nil)), Bytes: w.n, Batch: w.m.Batch, Compliance: w.m.Policy.Compliance,
		Jobs: w.m.Jobs, Money: w.m.Money, Chain: w.m.Chain, Files: []File{}, Notes: []string{},
	}
	for _, name := range slices.Concat([]string{FileManifest}, order, []string{FileSums, FileSignature}) {
		if f, ok := w.seen[name]; ok {
			v.Files = append(v.Files, f)
		}
	}
	w.compare()
	w.sign(&v)
	w.judge.end(&v)
	for _, a := range w.m.Absent {
		v.Notes = append(v.Notes, a.What+" isn't in it: "+a.Why)
	}
	v.Notes = append(v.Notes, w.judge.notes...)
	v.Problems = append(slices.Clip(w.broken), w.judge.problems...)
	if v.Problems == nil {
		v.Problems = []Problem{}
	}
	if v.More = w.judge.more; len(v.Problems) > maxProblems {
		v.More += len(v.Problems) - maxProblems
		v.Problems = v.Problems[:maxProblems]
	}
	v.OK = len(v.Problems) == 0
	return v
}

// compare holds each content against the two places where its hash stands. A
// manifest that is as it was written decides; else SHA256SUMS does.
func (w *walk) compare() {
	_, there := w.seen[FileSums]
	if w.good {
		for _, f := range w.m.Files {
			if have, ok := w.seen[f.Name]; ok && have.SHA256 != f.SHA256 {
				w.wrong(f.Name, "", "its content was changed%s: it hashes to %.12s, manifest.json says %.12s", place(w.parts[f.Name], f.Stretches), have.SHA256, f.SHA256)
			} else if ok && have.Lines != f.Lines && strings.HasSuffix(f.Name, ".jsonl") {
				w.wrong(f.Name, "", "it has %d lines, manifest.json says %d", have.Lines, f.Lines)
			}
		}
		if want := sumsOf(w.m, Sum(w.text)); there && !bytes.Equal(w.sums, want) {
			d := differs(w.sums, want)
			w.broken = append(w.broken, Problem{Entry: FileSums, Line: 1 + bytes.Count(want[:d], []byte("\n")), What: "it isn't what the entries hash to"})
		}
		return
	}
	for text := range strings.Lines(string(w.sums)) {
		digest, name, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "  ")
		if have, ok := w.seen[name]; ok && name != FileManifest && have.SHA256 != digest && len(digest) == 2*sha256.Size {
			w.wrong(name, "", "its content was changed: it hashes to %.12s, SHA256SUMS says %.12s", have.SHA256, digest)
		}
	}
}

// sign checks the signature.
func (w *walk) sign(v *Verified) {
	_, signer := w.seen[FileSigner]
	_, signed := w.seen[FileSignature]
	switch {
	case !signer && !signed:
		if w.o.Key != nil {
			w.wrong(FileSignature, "", "the bundle isn't signed, and a key was given to check it with")
		}
		return
	case !signer || !signed:
		return // the missing one is named
	}
	pub, err := PublicKey(w.signer)
	if err != nil {
		w.wrong(FileSigner, "", "%s", err)
		return
	}
	if again, err := publicPEM(pub); err != nil || !bytes.Equal(again, w.signer) {
		w.wrong(FileSigner, "", "it isn't written as evidence is")
	}
	if !ed25519.Verify(pub, w.sums, w.signature) {
		if !slices.ContainsFunc(w.broken, func(p Problem) bool { return p.Entry == FileSums || p.Entry == FileSigner }) {
			w.wrong(FileSignature, "", "it isn't a signature of SHA256SUMS by the key in signer.pem")
		}
		return
	}
	v.SignedBy = Fingerprint(pub)
	switch {
	case w.o.Key == nil:
		v.Notes = append(v.Notes, "the signature is that of signer.pem, which the bundle brings along: give --key to say whose it must be")
	case !pub.Equal(w.o.Key):
		w.wrong(FileSigner, "", "signed with the key %.12s, and not with the one that was given, %.12s", v.SignedBy, Fingerprint(w.o.Key))
	default:
		v.Trusted = true
	}
}
