package pay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"loumiao/framework/fault"
)

// FakeStoreHeader is the header with the signature of the fake store's notifications.
const FakeStoreHeader = "Fake-Store-Signature"

// A FakeStore is an app store that sells everything for nothing. Its receipts are signed, as Apple's are, so that it need remember nothing:
// base64url of the transaction, a dot, and base64url of its HMAC-SHA256.
type FakeStore struct{ Secret string }

var _ Store = FakeStore{}

// Sell is the receipt for a purchase.
func (f FakeStore) Sell(t Transaction) (receipt string, err error) {
	data, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(data) + "." + base64.RawURLEncoding.EncodeToString(f.mac(data)), nil
}

// Refund is the notification that a purchase was refunded, with its signature.
func (f FakeStore) Refund(t Transaction, now time.Time) (header string, body []byte, err error) {
	t.Refunded = true
	body, err = json.Marshal(t)
	return Sign(f.Secret, now, body), body, err
}

// Transaction is what a receipt says.
func (f FakeStore) Transaction(_ context.Context, receipt string) (Transaction, error) {
	wrong := fault.New(fault.Invalid, "this is no receipt of the store's")
	text, sum, ok := strings.Cut(receipt, ".")
	data, err1 := base64.RawURLEncoding.DecodeString(text)
	mac, err2 := base64.RawURLEncoding.DecodeString(sum)
	if !ok || err1 != nil || err2 != nil || f.Secret == "" || !hmac.Equal(mac, f.mac(data)) {
		return Transaction{}, wrong
	}
	var t Transaction
	if json.Unmarshal(data, &t) != nil {
		return Transaction{}, wrong
	}
	return t, nil
}

// Notification reads what [FakeStore.Refund] has made.
func (f FakeStore) Notification(header func(string) string, body []byte, now time.Time) (Transaction, error) {
	if err := verify(header(FakeStoreHeader), body, []string{f.Secret}, now, Tolerance); err != nil {
		return Transaction{}, err
	}
	var t Transaction
	if err := json.Unmarshal(body, &t); err != nil || t.ID == "" {
		return Transaction{}, fault.New(fault.Invalid, "this is no notification of the store's")
	}
	return t, nil
}

func (f FakeStore) mac(data []byte) []byte {
	mac := hmac.New(sha256.New, []byte("receipt:"+f.Secret))
	mac.Write(data) // a hash never fails
	return mac.Sum(nil)
}
