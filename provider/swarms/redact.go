package swarms

import "github.com/offpeak/offpeak/provider/wire"

const (
	redacted  = wire.Redacted
	minSecret = wire.MinSecret
)

// withoutKey takes the key out of everything in c that the other side wrote.
func withoutKey(s wire.Secret, c Completion) Completion {
	c.JobID, c.Status = s.Line(c.JobID), s.Line(c.Status)
	c.SwarmName, c.SwarmType = s.Line(c.SwarmName), s.Line(c.SwarmType)
	c.ExecutionTime, c.Detail = s.Line(c.ExecutionTime), s.Text(c.Detail)
	c.Output, c.Raw = s.Raw(c.Output), s.Raw(c.Raw)
	if c.Usage != nil && c.Usage.DiscountType != nil {
		t := s.Line(*c.Usage.DiscountType)
		c.Usage.DiscountType = &t
	}
	return c
}
