// Which pages the documentation shows, in its order, with a sentence for each. A picture is taken in
// light colors; `looks` names others.
export const SECTIONS = [
  {
    title: "Prepare",
    pages: [
      {
        name: "home",
        text: "What is to be done, the pay day, the accounts.",
        looks: ["light", "dark"],
      },
      { name: "upload", text: "Choose a roster. Nothing is paid by uploading." },
      { name: "rejected", text: "A file that cannot be read: where, and what to do." },
      {
        name: "overview-ready",
        text: "What would be paid, from where, for which branch.",
        looks: ["light", "dark"],
      },
      { name: "rows", text: "Every row of the file, with search, filters and a menu for each." },
      { name: "checks-ready", text: "What will not be paid and why, and what can be mended." },
      { name: "changes", text: "The differences from the roster approved before." },
      { name: "holds", text: "Who is not paid until an approver lifts the hold." },
    ],
  },
  {
    title: "Approve",
    pages: [
      { name: "home-approver", text: "The approver's home page.", looks: ["light", "phone"] },
      {
        name: "approval",
        text: "Approve exactly what is shown.",
        looks: ["light", "dark", "phone"],
      },
      { name: "approved", text: "Who approved what, afterwards." },
      { name: "approval-rules", text: "Which amounts need two approvers." },
    ],
  },
  {
    title: "Pay and follow",
    pages: [
      { name: "live", text: "A run as it happens.", looks: ["light", "dark"] },
      { name: "overview", text: "A batch that has ended." },
      { name: "payments", text: "Every payment with our status and the provider's." },
      { name: "failures", text: "What failed or came back, by cause, and what can be done." },
      { name: "payment", text: "One payment, from the row of the file to the bank." },
      { name: "employee", text: "One person: what was paid, and why not all." },
      { name: "loan", text: "One loan over all batches." },
      { name: "activity", text: "Who did what with a batch." },
    ],
  },
  {
    title: "Close the books",
    pages: [
      { name: "reports", text: "Reports of a batch, and its certificate." },
      { name: "finance", text: "Reports over any period, lists of a year, files for accounting." },
      { name: "ledger", text: "The accounts of the ledger." },
      { name: "journals", text: "The journals of the ledger." },
      { name: "reconciliation", text: "Our books beside the provider's list." },
    ],
  },
  {
    title: "Run the system",
    pages: [
      { name: "batches", text: "Every batch there ever was." },
      { name: "operations", text: "The services, the provider's limit, the kill switch." },
      { name: "audit", text: "Every request for a change, and its result." },
      {
        name: "settings",
        text: "Language, colors, sessions, and names for branches and accounts.",
      },
      { name: "notifications", text: "Who is told of what." },
      { name: "tokens", text: "API tokens for scripts." },
    ],
  },
];

/** Pages that are left out on purpose: what somebody may not do, and what is not there. */
export const NOT_SHOWN = new Set([
  "home-operator",
  "upload-forbidden",
  "batches-empty",
  "tokens-forbidden",
  "unknown",
  "nowhere",
  "rows-filtered",
  "checks",
  "live-ended",
  "employee-forbidden",
]);

export const DOC_PAGES = SECTIONS.flatMap(({ pages }) => pages);
