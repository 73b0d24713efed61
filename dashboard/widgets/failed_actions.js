// Keeps failed actions in the storage of the tab. A new session of the tab reads them again.

const KEPT = "flowdeck-failed-actions";

function readKept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch { // no storage, or not written by this script
    return null;
  }
}

function showComponent({ data, setTriggerValue }) {
  const { session, isNew, failures } = data, kept = readKept();
  if (isNew && kept?.failures?.length && kept.session !== session) setTriggerValue("restore", kept.failures);
  else try {
    sessionStorage.setItem(KEPT, JSON.stringify({ session, failures }));
  } catch { /* without storage a reload forgets them */ }
}
