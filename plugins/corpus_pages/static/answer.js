// From the decisions to the answer that the waiting task takes, and what the run does then.
// An answer right after the task began to wait can meet the scheduler before it knows that the task waits.
const SETTLE = 3000;
const POLL = 2500;
const SHOWN = 12; // tasks

export function answerer({ facts, base, root, element, draft, marks }) {
  const question = facts.question;
  const run = question && `${root.replace(/\/corpus$/, "")}/api/v2/dags/${encodeURIComponent(question.dag_id)}` +
    `/dagRuns/${encodeURIComponent(question.run_id)}`;
  const task = question && `${run}/taskInstances/${encodeURIComponent(question.task_id)}`;
  const details = `${task}/${question?.map_index}/hitlDetails`;
  let asked = null; // what Airflow says of the question

  async function call(address, options) {
    const answer = await fetch(address, { headers: { "Content-Type": "application/json" }, ...options });
    if (!answer.ok) {
      const text = await answer.json().then((body) => body.detail, () => answer.statusText);
      throw new Error(typeof text === "string" ? text : JSON.stringify(text));
    }
    return answer.json();
  }

  function say(text, bad = false) {
    element("state").textContent = text;
    element("state").classList.toggle("bad", bad);
  }

  function waits() { return Boolean(asked) && !asked.response_received && asked.state === "awaiting_input"; }

  async function look() {
    asked = await call(details);
    asked.state = (await call(task)).state;
  }

  function explain() {
    if (asked.response_received) {
      const who = asked.responded_by_user?.name;
      const when = new Date(asked.responded_at).toLocaleString("en");
      say(`${who ? `${who} answered` : "Nobody answered in time; thresholds decide"} (${when}).`);
    } else if (!facts.mayDecide) {
      say("The run waits for decisions. You may look; the roles Op and above decide.");
    } else if (waits()) {
      say("The run waits for these decisions. Marks are saved as you make them; Send ends the waiting.");
    } else {
      say(`The task that asks is ${asked.state ?? "not started"}; marks are saved, and can be sent when it waits.`);
    }
  }

  async function send() {
    say("Sending …");
    await draft.flush();
    const { digest } = await call(new URL("answer", base), { method: "POST", body: "{}" });
    await look();
    const early = new Date(asked.created_at).getTime() + SETTLE - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(early, SETTLE)));
    const body = { chosen_options: [facts.answer.option], params_input: { [facts.answer.parameter]: digest } };
    await call(details, { method: "PATCH", body: JSON.stringify(body) });
  }

  async function follow() {
    element("next").hidden = false;
    for (;;) {
      const { task_instances: tasks } = await call(`${run}/taskInstances?limit=100`);
      const since = tasks.filter(({ end_date: end }) => !end || end >= asked.responded_at).slice(0, SHOWN);
      const lines = since.map(({ task_id: id, state, duration }) => line([id, state ?? "to come", duration?.toFixed(0) ?? ""]));
      element("tasks").replaceChildren(...lines);
      const { state } = await call(run);
      if (state === "success" || state === "failed") return;
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  }

  element("send").addEventListener("click", () => {
    const count = marks();
    element("summary").textContent = `${count.math} prefixes are mathematics, ${count.other} are not, ` +
      `${count.open} are undecided.`;
    element("confirm").returnValue = "";
    element("confirm").showModal();
  });
  element("confirm").addEventListener("close", async () => {
    if (element("confirm").returnValue !== "send") return;
    element("send").disabled = true;
    try {
      await send();
      facts.waits = false;
      await look();
      explain();
      await follow();
    } catch (error) {
      say(`Not sent: ${error.message}`, true);
      element("send").disabled = !waits();
    }
  });

  return {
    ready: () => waits() && facts.waits && facts.mayDecide,
    async watch(refresh) {
      if (!question) {
        say("Nobody was asked in this iteration; what is shown was decided by thresholds or a file.");
        return;
      }
      try {
        await look();
        explain();
        refresh();
        if (asked.response_received) await follow();
      } catch (error) {
        say(`Airflow does not say how the question stands: ${error.message}`, true);
      }
    },
  };
}

function line(texts) {
  const row = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement("td");
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}
