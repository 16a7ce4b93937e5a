import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { api, type Batch } from "../src/api/client";
import { Problem } from "../src/api/problem";
import { BatchContext } from "../src/batch/BatchContext";
import { forgetTicks, keepTicks, keptTicks } from "../src/batch/tabs/approval/keptTicks";
import { keptApproval, useApproval } from "../src/batch/tabs/approval/useApproval";
import { Language } from "../src/i18n/i18n";
import { ActionButton } from "../src/ui/ActionButton";
import { ProblemPanel } from "../src/ui/ProblemPanel";
import { readSearch } from "../src/ui/search";
import { hasComeBackTo, signInAnewUrl } from "../src/ui/signInAnew";

vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  useNavigate: () => vi.fn(),
}));

const REFUSED = new Problem({ code: "auth.step-up", detail: "Sign in.", money: "No." }, 403);

afterEach(() => {
  vi.restoreAllMocks();
  window.sessionStorage.clear();
  window.history.replaceState(null, "", "/");
});

function showButton(): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Language>
        <ActionButton
          name="Release"
          title="Release?"
          reason="optional"
          dialog="kill-switch"
          send={() => Promise.reject(REFUSED)}
        >
          <p>Payments go on.</p>
        </ActionButton>
      </Language>
    </QueryClientProvider>,
  );
}

test("the way to a new sign-in comes back to the same page and dialog, on this site only", () => {
  const here = { pathname: "/batches/b1/approval", search: "?code=x" };
  const url = new URL(signInAnewUrl("approve", here), "https://pay.example");
  expect([url.origin, url.pathname]).toEqual(["https://pay.example", "/api/v1/sign-in/start"]);
  expect(url.searchParams.get("anew")).toBe("true");
  expect(url.searchParams.get("to")).toBe("/batches/b1/approval?code=x&open=approve");
  expect(readSearch({ open: "approve" })).toEqual({ open: "approve" }); // the routes keep it
  expect(hasComeBackTo("approve", { pathname: "/", search: "?open=approve" })).toBe(true);
  expect(hasComeBackTo("approve", { pathname: "/", search: "?open=other" })).toBe(false);
  expect(hasComeBackTo("", { pathname: "/", search: "?open=" })).toBe(false);
});

test("a refused act leads to the sign-in from its dialog", async () => {
  window.history.replaceState(null, "", "/operations");
  showButton();
  fireEvent.click(screen.getByRole("button", { name: "Release" }));
  await screen.findByRole("dialog");
  fireEvent.click(screen.getByRole("button", { name: "Release" }));
  const link = await screen.findByRole("link", { name: "Sign in again" });
  expect(link).toHaveAttribute("href", signInAnewUrl("kill-switch"));
  expect(link.getAttribute("href")).toContain(encodeURIComponent("/operations?open=kill-switch"));
});

test("who comes back finds the dialog open, once", async () => {
  window.history.replaceState(null, "", "/operations?open=kill-switch&q=x");
  showButton();
  expect(await screen.findByRole("dialog")).toBeVisible();
  expect(window.location.search).toBe("?q=x");
});

test("the name of another dialog opens nothing", () => {
  window.history.replaceState(null, "", "/operations?open=release");
  showButton();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(window.location.search).toBe("?open=release");
});

test("other refusals offer no sign-in, and Spanish has the words", async () => {
  const other = new Problem({ code: "auth.forbidden", detail: "No role." }, 403);
  const { rerender } = render(
    <Language>
      <ProblemPanel error={other} />
    </Language>,
  );
  expect(screen.queryByRole("link")).toBeNull();
  window.localStorage.setItem("paydown.locale", "es-US");
  rerender(
    <Language key="es">
      <ProblemPanel error={REFUSED} />
    </Language>,
  );
  expect(await screen.findByRole("link", { name: "Iniciar sesión de nuevo" })).toBeVisible();
  window.localStorage.clear();
});

test("ticks are kept for the digest that was seen, and count once", () => {
  keepTicks("sha256:1", { ticked: ["w"], compared: true });
  expect(keptTicks("sha256:1")).toMatchObject({ ticked: ["w"], compared: true });
  expect(keptTicks("sha256:2")).toBeNull();
  forgetTicks();
  expect(keptTicks("sha256:1")).toBeNull();
  window.sessionStorage.setItem("paydown.approval-ticks", "{");
  expect(keptTicks("sha256:1")).toBeNull();
});

const BATCH = { batch_id: "b1", digest: "sha256:1", to_acknowledge: ["w"] } as unknown as Batch;
const ROW = [{ row_id: "r", reason: "Ida asked" }];

function Form({ included }: { included: boolean }) {
  const approval = useApproval(() => undefined);
  return (
    <>
      <output>{approval.missing}</output>
      <button onClick={() => approval.tick("w", true)}>tick</button>
      <button onClick={() => approval.setCompared(true)}>compare</button>
      <button onClick={() => approval.setIncluded(included ? ROW : [])}>include</button>
      <button onClick={approval.approve}>approve</button>
    </>
  );
}

function showForm(included: boolean) {
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <BatchContext value={{ batch: BATCH, reload: () => Promise.resolve() } as never}>
        <Form included={included} />
      </BatchContext>
    </QueryClientProvider>,
  );
}

test.each([
  [false, "0"],
  [true, "2"], // rows to include are not kept, so the person begins again
])("after a new sign-in the ticks are there; with rows to include: %s", async (included, left) => {
  vi.spyOn(api, "request").mockRejectedValue(REFUSED);
  vi.spyOn(api, "POST").mockRejectedValue(REFUSED);
  const { unmount } = showForm(included);
  for (const name of ["tick", "compare", "include", "approve"])
    fireEvent.click(screen.getByRole("button", { name }));
  await vi.waitFor(() => expect(window.sessionStorage.length).toBe(included ? 0 : 1));
  await new Promise((done) => setTimeout(done, 50));
  expect(window.sessionStorage.length).toBe(included ? 0 : 1);
  expect(JSON.stringify(window.sessionStorage)).not.toContain("Ida");
  unmount();
  window.history.replaceState(null, "", "/batches/b1/approval?open=approve");
  expect(keptApproval(BATCH) !== null).toBe(!included);
  expect(keptApproval({ ...BATCH, digest: "sha256:2" })).toBeNull();
  showForm(included);
  expect(screen.getByRole("status")).toHaveTextContent(left);
  expect(window.sessionStorage.length).toBe(0);
});
