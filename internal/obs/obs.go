// Package obs makes the logger, once. The hosts call it and pass the result
// down; nobody else makes one and there is no global.
package obs

import (
	"io"
	"log/slog"
	"os"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/offpeak/offpeak/batch"
)

// Options say how to log.
type Options struct {
	Level  string    // debug, info, warn or error; info when empty
	Format string    // console or json; when empty, console on a terminal
	Out    io.Writer // standard error when nil: standard output belongs to results
}

// New makes the logger. Levels and formats that don't exist are BadInput.
func New(o Options) (*zap.Logger, error) {
	if o.Out == nil {
		o.Out = os.Stderr
	}
	if o.Level == "" {
		o.Level = "info"
	}
	level, err := zapcore.ParseLevel(o.Level)
	if err != nil || level > zapcore.ErrorLevel {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "make logger", Thing: o.Level, Detail: "not a level", Hint: "debug, info, warn or error"}
	}
	var enc zapcore.Encoder
	switch console := isTerminal(o.Out); {
	case o.Format == "console", o.Format == "" && console:
		c := zap.NewDevelopmentEncoderConfig()
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.CallerKey = ""
		if console {
			c.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		enc = zapcore.NewConsoleEncoder(c)
	case o.Format == "json", o.Format == "":
		c := zap.NewProductionEncoderConfig()
		c.TimeKey, c.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
		enc = zapcore.NewJSONEncoder(c)
	default:
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "make logger", Thing: o.Format, Detail: "not a format", Hint: "console or json"}
	}
	// No stack traces: an error here is an event of the night, and its message
	// says which one.
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(o.Out)), level)), nil
}

// SDK is the same logger for Temporal's SDK. Its info lines, several for each
// activity, are debug to us.
func SDK(z *zap.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(zapslog.NewHandler(quiet{z.Core()}, zapslog.WithName("temporal"))))
}

// quiet takes info for debug.
type quiet struct{ zapcore.Core }

func lower(l zapcore.Level) zapcore.Level {
	if l == zapcore.InfoLevel {
		return zapcore.DebugLevel
	}
	return l
}

func (q quiet) Enabled(l zapcore.Level) bool { return q.Core.Enabled(lower(l)) }

func (q quiet) With(f []zapcore.Field) zapcore.Core { return quiet{q.Core.With(f)} }

func (q quiet) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	e.Level = lower(e.Level)
	return q.Core.Check(e, c)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
