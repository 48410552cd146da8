package cifar

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

const folderAdvice = "move the folder away and extract the archive again"

// Load reads a split from an extracted folder of either layout. It checks each batch: number of
// images, shape, type and order of the pixels, range of the labels, names of the classes. An error
// names the file, what it contains and what was expected.
func Load(folder string, split Split) (*Dataset, error) {
	return published.load(folder, split)
}

// Open reads a split from a source: a folder, or an archive of either layout, without writing files. It makes the checks of Load
// and Extract.
func Open(s Source, split Split) (*Dataset, error) {
	return published.open(s, split)
}

func (r reader) open(s Source, split Split) (*Dataset, error) {
	info, err := os.Stat(s.Path)
	if err != nil {
		return nil, fmt.Errorf("cifar: open data: %w", err)
	}
	if info.IsDir() {
		return r.load(s.Path, split)
	}
	d, err := r.loadArchive(s.Path, split)
	if err == nil && (s.Origin == foundOrigin || s.Origin == downloadedOrigin) {
		d.Origin = "official archive " + s.Path
	}
	return d, err
}

func (r reader) load(folder string, split Split) (*Dataset, error) {
	ids, err := splitBatches(split)
	if err != nil {
		return nil, err
	}
	l, err := folderLayout(folder)
	if err != nil {
		return nil, err
	}
	if err := r.checkFile(l, folder, l.metaFile()); err != nil {
		return nil, err
	}
	if err := checkCopies(l, folder); err != nil {
		return nil, err
	}
	d := cifar10.New(split, len(ids)*r.batchLen)
	for i, id := range ids {
		im, err := r.loadBatch(l, folder, id)
		if err != nil {
			return nil, err
		}
		setImages(d, i*r.batchLen, im)
	}
	readme, _ := readFile(filepath.Join(folder, readmeFile), maxSmallFile)
	d.Origin = origin("folder "+folder, readme)
	return d, nil
}

func (r reader) loadArchive(path string, split Split) (*Dataset, error) {
	ids, err := splitBatches(split)
	if err != nil {
		return nil, err
	}
	d := cifar10.New(split, len(ids)*r.batchLen)
	var readme []byte
	_, _, err = walk(path, func(l Layout, name string, data []byte) error {
		i := slices.Index(ids, l.batchID(name))
		if i < 0 {
			if name == readmeFile {
				readme = bytes.Clone(data)
			}
			return r.check(l, name, data)
		}
		im, err := r.batch(l, ids[i], data)
		if err != nil {
			return err
		}
		setImages(d, i*r.batchLen, im)
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.Origin = origin("archive "+path, readme)
	return d, nil
}

// setImages copies a batch to images at, at+1, … of d and converts CHW to HWC.
func setImages(d *Dataset, at int, im images) {
	for i, label := range im.labels {
		d.Labels[at+i] = uint16(label)
	}
	const plane = Height * Width
	for i := range im.labels {
		chw := im.planes[i*ImageSize:][:ImageSize]
		hwc := d.Pixels[(at+i)*ImageSize:][:ImageSize]
		for p := range plane {
			hwc[3*p], hwc[3*p+1], hwc[3*p+2] = chw[p], chw[plane+p], chw[2*plane+p]
		}
	}
}

// loadBatch reads one batch file of an extracted folder.
func (r reader) loadBatch(l Layout, folder string, id int) (images, error) {
	name := filepath.Join(folder, l.batchFile(id))
	data, err := readFile(name, maxBatchFile)
	if err != nil {
		return images{}, fmt.Errorf("cifar: read batch: %w; %s", err, folderAdvice)
	}
	im, err := r.batch(l, id, data)
	if err != nil {
		return images{}, fmt.Errorf("cifar: %s: %w; %s", name, corrupt(err), folderAdvice)
	}
	return im, nil
}

// checkCopies returns an error if a batch file of an extracted folder, of whatever split, is a copy of another. What is wrong with
// single files is reported when they are read.
func checkCopies(l Layout, folder string) error {
	seen := starts{}
	for _, id := range allBatches {
		path := filepath.Join(folder, l.batchFile(id))
		f, _, err := regularfile.Open(path)
		if err != nil {
			continue
		}
		start, err := io.ReadAll(io.LimitReader(f, startOfBatch))
		f.Close()
		if err == nil && len(start) > 0 {
			err = seen.add(l.batchFile(id), start)
		}
		if err != nil {
			return fmt.Errorf("cifar: %s: %w: %w; %s", path, ErrCorrupt, err, folderAdvice)
		}
	}
	return nil
}

// checkFile checks a file of an extracted folder.
func (r reader) checkFile(l Layout, folder, name string) error {
	path := filepath.Join(folder, name)
	data, err := readFile(path, l.maxSize(name))
	if err != nil {
		return fmt.Errorf("cifar: %w; %s", err, folderAdvice)
	}
	if err := r.check(l, name, data); err != nil {
		return fmt.Errorf("cifar: %s: %w; %s", path, corrupt(err), folderAdvice)
	}
	return nil
}

// folderLayout returns the layout of an extracted folder, or an error that says what is missing.
func folderLayout(folder string) (Layout, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("cifar: data folder: %w; extract an archive first", err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	}
	for _, l := range layouts {
		if !slices.ContainsFunc(l.required(), has) {
			continue
		}
		for _, name := range l.required() {
			if !has(name) {
				return "", fmt.Errorf("cifar: folder %s: %w: %s is missing; %s", folder, ErrNotFound, name, folderAdvice)
			}
		}
		return l, nil
	}
	if has("fine_label_names.txt") || has("train") && has("meta") {
		return "", fmt.Errorf("cifar: folder %s: %w", folder, errCIFAR100)
	}
	return "", fmt.Errorf("cifar: folder %s: %w: want data_batch_1 to 5, test_batch and batches.meta, or the same with .bin;"+
		" give the folder that the archive unpacks to", folder, ErrNotFound)
}

// origin describes data. The readme tells whether it is the embedded copy.
func origin(place string, readme []byte) string {
	if bytes.Contains(readme, []byte(rebuiltMark)) {
		return embeddedOrigin
	}
	return place
}
