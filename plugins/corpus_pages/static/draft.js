// Marks on their way to the server: gathered for a moment, sent one after another, kept until they are saved.
const WAIT = 400;
const AGAIN = 5000;

export function saver(address, status) {
  let waiting = new Map();
  let timer = 0;
  let sending = null;

  async function send() {
    clearTimeout(timer);
    while (sending) await sending;
    if (!waiting.size) return;
    const batch = waiting;
    waiting = new Map();
    sending = put(batch);
    try { await sending; } finally { sending = null; }
  }

  async function put(batch) {
    tell("saving …");
    try {
      const answer = await fetch(address, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ changes: Object.fromEntries(batch) }),
        keepalive: batch.size < 500,
      });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      const { marked } = await answer.json();
      if (!waiting.size) tell(`saved, ${marked} marked`);
    } catch (error) {
      waiting = new Map([...batch, ...waiting]);
      tell(`not saved: ${error.message}`, true);
      timer = setTimeout(() => send().catch(() => {}), AGAIN);
      throw error;
    }
  }

  function tell(text, bad = false) {
    status.textContent = text;
    status.className = bad ? "bad" : "";
  }

  addEventListener("pagehide", () => send().catch(() => {}));
  return {
    put(name, value) {
      waiting.set(name, value);
      tell("…");
      clearTimeout(timer);
      timer = setTimeout(() => send().catch(() => {}), WAIT);
    },
    flush: send,
  };
}
