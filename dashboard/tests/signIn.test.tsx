import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { api } from "../src/api/client";
import { Session, session, SignInNeeded } from "../src/api/session";
import { SignedOutPage } from "../src/app/SignedOutPage";
import { UserMenu } from "../src/app/UserMenu";
import { SignedInContext } from "../src/api/signedIn";
import { Language } from "../src/i18n/i18n";

const REFUSED = { code: "auth.required", detail: "You are not signed in." };
const START = "/api/v1/sign-in/start";
const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

function providerGateway() {
  server.use(
    http.get("*/api/v1/me", () => HttpResponse.json(REFUSED, { status: 401 })),
    http.get("*/api/v1/sign-in", () =>
      HttpResponse.json({ mode: "oidc", people: [], default: null, login_url: START }),
    ),
  );
}

test("with an identity provider nobody is signed in silently, and the way in is known", async () => {
  providerGateway();
  const error = await new Session().start().catch((one: unknown) => one);
  expect(error).toBeInstanceOf(SignInNeeded);
  expect((error as SignInNeeded).loginUrl).toBe(START);
});

test("a signed-out page has a link to the provider that comes back to this page", () => {
  window.history.replaceState(null, "", "/batches/b1/approval?page=2");
  render(
    <Language>
      <SignedOutPage loginUrl={START} why="ended" />
    </Language>,
  );
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Your session has ended");
  expect(screen.getByRole("link", { name: "Sign in with your organization" })).toHaveAttribute(
    "href",
    `${START}?to=${encodeURIComponent("/batches/b1/approval?page=2")}`,
  );
});

test("a request that is refused because the session has ended is reported once", async () => {
  providerGateway();
  const ended = vi.fn();
  const stop = session.onEnded(ended);
  await expect(
    api.GET("/api/v1/me", { baseUrl: window.location.origin, fetch: (request) => fetch(request) }),
  ).rejects.toMatchObject({
    status: 401,
  });
  stop();
  await expect(
    api.GET("/api/v1/me", { baseUrl: window.location.origin, fetch: (request) => fetch(request) }),
  ).rejects.toMatchObject({
    status: 401,
  });
  expect(ended).toHaveBeenCalledTimes(1);
});

test("a person of the identity provider can sign out, at the provider too", async () => {
  server.use(
    http.delete("*/api/v1/session", () =>
      HttpResponse.json({ signed_out: true, logout_url: "https://login.example/out" }),
    ),
  );
  await expect(new Session().signOut()).resolves.toBe("https://login.example/out");

  const signOut = vi.fn();
  const me = { id: "demo-like-id", name: "Ana Ruiz", roles: ["approver"], auth_mode: "oidc" };
  render(
    <Language>
      <SignedInContext value={{ me, become: vi.fn(), signOut }}>
        <UserMenu />
      </SignedInContext>
    </Language>,
  );
  expect(screen.getByText("Ana Ruiz")).toBeVisible();
  expect(screen.queryByRole("combobox")).toBeNull(); // a demo person is told by the mode
  fireEvent.click(screen.getByRole("button", { name: "Sign out" }));
  await waitFor(() => expect(signOut).toHaveBeenCalledTimes(1));
});
