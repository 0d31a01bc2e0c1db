package gm

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
)

// maxUpload is bytes of a file. The page that asks again sends it as a form, which may take three times as much of gm.body_limit.
const maxUpload = 256 << 10

// takeFiles puts the text of files that came with a form into their fields, instead of what was typed there. What was typed stays where a file cannot be taken.
func takeFiles(c *fiber.Ctx, r *request) error {
	if !strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm) {
		return nil
	}
	form, err := c.MultipartForm()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the form cannot be read")
	}
	for _, f := range r.act.fields {
		files := form.File[f.name+"_file"]
		if f.kind != file || len(files) == 0 || files[0].Filename == "" { // browsers send an empty one where none was chosen
			continue
		}
		if files[0].Size > maxUpload {
			return fault.Errorf(fault.Invalid, "%s: the file has %d KiB; it may have %d", f.name, files[0].Size>>10, maxUpload>>10)
		}
		opened, err := files[0].Open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(io.LimitReader(opened, maxUpload+1))
		if err = errors.Join(err, opened.Close()); err != nil {
			return err
		}
		text, err := uploaded(data)
		if err != nil {
			return fault.Errorf(fault.Invalid, "%s: %v", f.name, err)
		}
		r.given.given[f.name] = text
	}
	return nil
}

// uploaded is the text of a file: UTF-8, without the mark that spreadsheets put before it.
func uploaded(data []byte) (string, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	switch {
	case len(data) > maxUpload:
		return "", errors.New("the file is too long")
	case strings.TrimSpace(text) == "":
		return "", errors.New("the file is empty")
	case strings.ContainsRune(text, 0):
		return "", errors.New("the file is not text: save it as CSV, in UTF-8")
	case !utf8.ValidString(text):
		valid := strings.ToValidUTF8(text, "\x00")
		return "", fault.Errorf(fault.Invalid, "line %d of the file is not UTF-8: save it as CSV, in UTF-8", 1+strings.Count(valid[:strings.IndexByte(valid, 0)], "\n"))
	}
	return text, nil
}
