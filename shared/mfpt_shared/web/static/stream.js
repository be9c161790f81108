// What happens, as the page's server tells it. A lost connection is taken up again by the browser, or here if it gives up.

const AGAIN_MS = 2000;

// Listen to a path. `told` gets what each event says; `link` gets true when it is heard, false when it is lost.
// A page that nobody sees does not listen: browsers open six connections to a server, and each tab would hold one.
// Returns a function that stops listening.
export function listen(path, told, link) {
  let source = null,
    waiting;
  function open() {
    source = new EventSource(path);
    source.addEventListener("open", () => link(true));
    source.addEventListener("message", (event) => told(JSON.parse(event.data)));
    source.addEventListener("error", (event) => {
      if (event.target !== source) return;
      link(false);
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(open, AGAIN_MS);
    });
  }
  function close() {
    clearTimeout(waiting);
    source?.close();
    source = null;
  }
  function turn() {
    if (document.hidden) close();
    else if (source === null) open();
  }
  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
  };
}
