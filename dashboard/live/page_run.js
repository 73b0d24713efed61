// Runs the whole page, which a component inside a fragment cannot do: live_updates.js needs it after
// a restart of the server, whose new process knows no fragment.

export default function ({ setTriggerValue }) {
  globalThis.flowdeckRunPage = () => setTriggerValue("run", Date.now());
}
