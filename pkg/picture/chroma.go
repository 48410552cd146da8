package picture

import "image"

// smoothUpTo is the size of the largest picture that smooth changes. In a larger one the colours of so many pixels are averaged
// that the result is the same.
const smoothUpTo = 1024

// smooth returns the picture with colours of full resolution. JPEG and WebP store them at half of it, and Go repeats each value;
// other programs interpolate between the neighbours with weights 3/4 and 1/4, as this function does ("fancy upsampling" in
// libjpeg and libwebp). It returns pictures of other resolutions, and large ones, as they are.
func smooth(img *image.YCbCr) *image.YCbCr {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	across, down := 1, 1 // pixels for each value
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	}
	if across*down == 1 || max(w, h) > smoothUpTo || img.Rect.Min != (image.Point{}) {
		return img
	}
	out := *img
	out.SubsampleRatio, out.CStride = image.YCbCrSubsampleRatio444, w
	out.Cb = upsample(img.Cb, img.CStride, w, h, across, down)
	out.Cr = upsample(img.Cr, img.CStride, w, h, across, down)
	return &out
}

// upsample returns w×h values, interpolated between those of a plane.
func upsample(plane []uint8, stride, w, h, across, down int) []uint8 {
	last := func(pixels, each int) int { return (pixels+each-1)/each - 1 }
	lastX, lastY := last(w, across), last(h, down)
	out := make([]uint8, 0, w*h)
	for y := range h {
		nearY, farY := neighbours(y, down, lastY)
		near, far := plane[nearY*stride:], plane[farY*stride:]
		for x := range w {
			nearX, farX := neighbours(x, across, lastX)
			sum := 3*(3*int(near[nearX])+int(near[farX])) + 3*int(far[nearX]) + int(far[farX])
			out = append(out, uint8((sum+8)/16))
		}
	}
	return out
}

// neighbours returns the indices of the two values that are nearest to a pixel; each value covers one pixel or two.
func neighbours(pixel, each, last int) (near, far int) {
	if each == 1 {
		return pixel, pixel
	}
	near = pixel / 2
	return near, min(max(near-1+2*(pixel%2), 0), last)
}
