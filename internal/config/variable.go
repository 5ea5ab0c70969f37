package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Variable is a setting that a provider's dialect names, from NAME or from the
// file that NAME_FILE names; "" when neither is set.
func (c Config) Variable(name string) (Secret, error) {
	if c.Others == nil {
		return Secret{}, nil
	}
	value, file := strings.TrimSpace(c.Others(name)), c.Others(name+"_FILE")
	switch {
	case file == "":
		return NewSecret(value), nil
	case value != "":
		return Secret{}, fmt.Errorf("%s and %s_FILE are both set: unset one, so that it is clear which counts", name, name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Secret{}, fmt.Errorf("%s_FILE: %w", name, err)
	}
	if value = strings.TrimSpace(string(b)); value == "" {
		return Secret{}, errors.New(name + "_FILE: " + file + " is empty")
	}
	return NewSecret(value), nil
}
