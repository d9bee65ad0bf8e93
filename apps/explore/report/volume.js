// Volume: hypervolume against fabrics judged, of this study or of several about one reference point.
function volume() {
  const place = byId("curve");
  place.replaceChildren();
  const given = data.overlay?.series || [{ label: data.name, points: data.hypervolume.map((value, k) => [k + 1, value]) }];
  const series = given.map((one, k) => ({ ...one, ...styleOf(k) })).filter((one) => one.points.length);
  if (!series.length) return;
  lines(make("figure", place), "Volume between the front and the reference point", series, { x: "fabrics judged", y: "decades of every objective multiplied", low: 0, tall: 280 });
  if (series.length > 1) legend(place, series);
}
function whenResized(redraw) {
  let waiting = 0, width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 120);
  });
}
