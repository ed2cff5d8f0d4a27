// What admin pages do beyond links and forms: a job's progress without reloading, and a word on a file that is too large.

const job = document.querySelector("[data-job]");

const follow = async () => {
  try {
    const answer = await fetch(job.dataset.job, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 404) return location.reload();
    if (answer.ok) {
      const now = await answer.json();
      if (!now.open) return location.reload();
      job.querySelector("progress").value = now.share;
      document.querySelector("[data-no-worker]").hidden = now.worker;
      for (const one of document.querySelectorAll("[data-job-word]")) {
        const word = now.words[one.dataset.jobWord];
        if (one.textContent !== word) one.textContent = word;
      }
    }
  } catch {
    // The server may be starting anew; the next second asks again.
  }
  setTimeout(follow, 1000);
};
if (job) setTimeout(follow, 1000);

for (const field of document.querySelectorAll("[data-largest]")) {
  field.addEventListener("change", () => {
    const tooLarge = [...field.files].some((file) => file.size > Number(field.dataset.largest));
    field.setCustomValidity(tooLarge ? field.dataset.tooLarge : "");
    field.reportValidity();
  });
}
