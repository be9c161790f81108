// What happens, as the page's server tells it. A lost connection is taken up again by the browser, or here if it gives up.

const AGAIN_MS = 2000;

// Listen to a path. `told` gets what each event says; `link` gets true when it is heard, false when it is lost.
// Returns a function that stops listening.
export function listen(path, told, link) {
  let source,
    waiting,
    stopped = false;
  function open() {
    source = new EventSource(path);
    source.addEventListener("open", () => link(true));
    source.addEventListener("message", (event) => told(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      link(false);
      if (source.readyState === EventSource.CLOSED && !stopped) waiting = setTimeout(open, AGAIN_MS);
    });
  }
  open();
  return () => {
    stopped = true;
    clearTimeout(waiting);
    source.close();
  };
}
