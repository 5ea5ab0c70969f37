// Package watch judges days of spend: is yesterday more than twice the mean of
// the seven days before it? Has somebody else used the key? Are there credits
// enough for the coming night?
//
// It is pure. Who asks (activities) has read ledger and log, and adds them up
// by the day on which runs ended; the verdict on all days follows from that
// table alone, so that a row of the log that comes late, or a morning on which
// nobody watched, changes nothing but the table.
package watch
