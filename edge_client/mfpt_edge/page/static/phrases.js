// What a device does and what has happened to it, in a sentence for people.

import { _ } from "./words.js";

const DOING = {
  preparing: () => _("Getting ready: your sentences are read, and the language model is loaded"),
  training: () => _("Learning from your sentences"),
  uploading: () => _("Sending what was learned"),
  evaluating: () => _("Checking how well it does"),
  idle: () => _("Waiting for its next turn"),
  done: () => _("Done, and listening for the last version"),
};

// Return { line, look, dot }: what is going on, how good that is, and the word beside the dot.
export function goingOn(device) {
  const { report, running } = device;
  if (running === "starting") return { line: _("Connecting to the federation"), look: "", dot: _("Starting") };
  if (!report) return stopped(device);
  const { link, phase } = report.snapshot;
  if (report.settings.paused)
    return { line: _("Paused: it does not learn until you let it go on"), look: "warn", dot: _("Paused") };
  if (report.pause) return { line: _("It takes a break"), look: "warn", dot: _("Runs") };
  if (link !== "connected")
    return {
      line: _("No connection just now; it goes on by itself, and nothing is lost"),
      look: "warn",
      dot: _("Runs"),
    };
  return { line: DOING[phase](), look: "good", dot: _("Runs") };
}

function stopped(device) {
  if (device.problem) return { line: _("It could not go on"), look: "bad", dot: _("Stopped") };
  if (device.result?.rounds !== undefined)
    return {
      line: _("The federation has ended, or needs this computer no more. Thank you!"),
      look: "good",
      dot: _("Finished"),
    };
  if (device.result)
    return { line: _("You are in, and can use what the others have made"), look: "good", dot: _("Finished") };
  return { line: _("This computer does not take part just now"), look: "", dot: _("Stopped") };
}

// Kinds of messages that leave a device; docs/protocol.md has the exact ones.
export function kindOfMessage(kind) {
  const names = {
    state: _("Whether it is there, and what it does"),
    "last-will": _("Left with the server, to say that this computer is gone"),
    ready: _("It can begin to learn"),
    update: _("What was learned"),
    "masked-update": _("What was learned, under masks"),
    masked: _("What was learned, under masks"),
    evaluation: _("How well a version does"),
    offer: _("It offers what was learned"),
    "key-shares": _("Keys for the masks"),
    reveal: _("Pieces of keys, to take the masks off the sum"),
    enrol: _("It asks to be let in, with the invitation"),
    leaving: _("It leaves"),
  };
  return names[kind] ?? kind;
}
