package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
)

// Decode reads the JSON body of a request into v, strictly: the content type must be application/json, there must be exactly one value
// and no field that v does not have. The error is [fault.Invalid], says which field is wrong and quotes no value. 64-bit integers
// travel as strings: give such fields the tag `json:",string"`.
func Decode(c *fiber.Ctx, v any) error {
	if kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType)); err != nil || kind != fiber.MIMEApplicationJSON {
		return fault.New(fault.Invalid, "the content type must be application/json")
	}
	return DecodeJSON(c.Request().Body(), v) // as it came: c.Body would decompress it, to any size
}

// DecodeJSON is [Decode] for bytes.
func DecodeJSON(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fault.New(fault.Invalid, jsonMessage(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "the body must be one JSON value")
	}
	return nil
}

func jsonMessage(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return "the field " + wrong.Field + " must be a JSON " + jsonType(wrong)
	case errors.As(err, &wrong):
		return "the body must be a JSON " + jsonType(wrong)
	case errors.Is(err, io.EOF):
		return "the body must not be empty"
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(field) <= 64 {
		return "unknown field " + field
	}
	return "the body is not valid JSON"
}

func jsonType(err *json.UnmarshalTypeError) string {
	switch kind := err.Type.Kind().String(); {
	case kind == "struct" || kind == "map":
		return "object"
	case kind == "slice" || kind == "array":
		return "array"
	case kind == "string":
		return "string"
	case kind == "bool":
		return "boolean"
	case strings.HasPrefix(err.Value, "number") && (strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint")):
		return "whole number in range (" + kind + ")"
	}
	return "number"
}
