package config

import (
	"errors"
	"io/fs"
	"os"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/offpeak/offpeak/batch"
)

// Temporal reads how to reach Temporal the way its own CLI does: a profile of
// the configuration file, overridden by TEMPORAL_* variables. Without any it is
// localhost:7233, namespace default. A profile or file that was asked for and
// isn't there is a fault of kind BadInput. What Temporal keeps of such a client is
// encrypted when there are keys: see [Codec].
func Temporal(env Env, profile string) (client.Options, error) {
	bad := func(thing string, err error) (client.Options, error) {
		return client.Options{}, &batch.Fault{
			Kind: batch.BadInput, Op: "read Temporal's settings", Thing: thing, Err: err,
			Hint: "see https://docs.temporal.io/develop/environment-configuration",
		}
	}
	// envconfig passes over a missing file in silence, which would connect to
	// localhost instead of where the file says.
	if file := env.Lookup("TEMPORAL_CONFIG_FILE"); file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return bad("TEMPORAL_CONFIG_FILE", err)
		}
	}
	opts, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		ConfigFileProfile: profile,
		EnvLookup:         lookup{env},
	})
	if err != nil {
		return bad(profile, err)
	}
	if opts.HostPort == "" {
		opts.HostPort = client.DefaultHostPort
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	keys, err := Codec(env)
	if err != nil {
		return client.Options{}, err
	}
	keys.Apply(&opts)
	return opts, nil
}

// lookup makes an Env what envconfig reads from.
type lookup struct{ env Env }

func (l lookup) Environ() []string { return l.env }

func (l lookup) LookupEnv(name string) (string, bool) {
	v := l.env.Lookup(name)
	return v, v != ""
}
