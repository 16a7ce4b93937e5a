// The table of the tasks of a pay day: on the screen, and in the documentation.
import { writeFileSync } from "node:fs";

const TARGET = new URL("../../docs/hr-tasks.md", import.meta.url);

/** Prints a line for each task, and the sums. */
export function printTasks(tasks) {
  const width = Math.max(...tasks.map(({ name }) => name.length));
  const line = (name, ...cells) =>
    console.log([name.padEnd(width), ...cells.map((cell) => String(cell).padStart(7))].join(" "));
  line("task", "clicks", "limit", "keys", "seconds");
  for (const { name, clicks, limit, keys, seconds } of tasks)
    line(name, clicks, limit, keys, seconds.toFixed(1));
  line("all", sum(tasks, "clicks"), "", sum(tasks, "keys"), sum(tasks, "seconds").toFixed(1));
}

function sum(tasks, figure) {
  return tasks.reduce((total, one) => total + one[figure], 0);
}

/** Writes the page of the documentation. `program` opened the report, null if nothing did. */
export function writeTasks(tasks, rows, program) {
  const lines = tasks.map(
    ({ name, path, on, clicks, limit, keys, seconds }) =>
      `| ${name} | ${path}${on === "phone" ? " (by finger)" : ""} | ${clicks} | ${limit} | ${keys} | ${seconds.toFixed(1)} |`,
  );
  writeFileSync(
    TARGET,
    `# What HR does on a pay day, and how much work it is

Made by \`make pictures\`; do not edit. A script does each task in a real browser on a running
system, from the home page on, and counts clicks (or taps) and key presses in the page. It fails when
a task needs more clicks than its limit ([tasks.mjs](../dashboard/e2e/tasks.mjs)). The seconds are
those of the system and the browser, with ${rows} rows, on the machine that made this page: nobody reads
or thinks in them. Choosing the file in the window of the operating system is not counted.

| Task | How | Clicks | Limit | Keys | Seconds |
|---|---|--:|--:|--:|--:|
${lines.join("\n")}
| **All** | | **${sum(tasks, "clicks")}** | | **${sum(tasks, "keys")}** | **${sum(tasks, "seconds").toFixed(1)}** |

Each task ends when its result is seen: the reason of the failure on the person's page, the sum of the
workbook's amounts equal to the batch's (${program ? `read by ${program}` : "not read: no program for spreadsheets was there"}), the year's total equal to what was
paid. The other year is the one that an upload may still name: last year until May, then the next. The
phone is 390 px wide, and nothing there may be wider.
`,
  );
}
