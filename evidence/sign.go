package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// PrivateKey reads an Ed25519 key to sign with: PEM, PKCS#8, as openssl
// genpkey -algorithm ed25519 writes it. Its errors never show the key.
func PrivateKey(text []byte) (ed25519.PrivateKey, error) {
	der, err := onlyPEM(text, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("it is no PKCS#8 key")
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, and an Ed25519 key is wanted", k)
	}
	return key, nil
}

// PublicKey reads an Ed25519 key to check with: PEM, as openssl pkey -pubout
// writes it.
func PublicKey(text []byte) (ed25519.PublicKey, error) {
	der, err := onlyPEM(text, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("it is no public key")
	}
	key, ok := k.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, and an Ed25519 key is wanted", k)
	}
	return key, nil
}

func onlyPEM(text []byte, kind string) ([]byte, error) {
	p, _ := pem.Decode(text)
	switch {
	case p == nil:
		return nil, fmt.Errorf("it is no PEM file: one begins with -----BEGIN %s-----", kind)
	case p.Type != kind:
		return nil, fmt.Errorf("it holds a %q, and a %s is wanted", p.Type, kind)
	}
	return p.Bytes, nil
}

func encodePublic(key ed25519.PrivateKey) ([]byte, error) {
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key has no public half")
	}
	return publicPEM(pub)
}

func publicPEM(pub ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("write a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Fingerprint names a public key: the SHA-256 of its DER form, as openssl pkey
// -pubin -outform DER | sha256sum prints it.
func Fingerprint(pub ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return ""
	}
	s := sha256.Sum256(der)
	return hex.EncodeToString(s[:])
}
