import { useColorScheme } from "@mui/material/styles";
import { type ReactElement, useState } from "react";
import { type Locale, LOCALES, T, useLanguage } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { applyColorScheme, chosenColorScheme, type ColorScheme } from "../ui/colorScheme";
import { Field, Select } from "../ui/fields";
import { OptionField } from "../ui/Filters";
import { DateTime } from "../ui/format";

/** Colors, language and time zone of this browser. */
export function DisplaySettings(): ReactElement {
  const [now] = useState(() => new Date().toISOString());
  return (
    <Card title={<T id="settings.display" />}>
      <div style={{ display: "grid", gap: 12, justifyItems: "start" }}>
        <ColorSchemeField />
        <LanguageField />
        <TimeZoneField />
        <p>
          <T id="settings.now" values={{ now: <DateTime at={now} /> }} />
        </p>
        <p>
          <T id="settings.stored" />
        </p>
      </div>
    </Card>
  );
}

const COLOR_SCHEMES: ColorScheme[] = ["system", "light", "dark"];

function ColorSchemeField(): ReactElement {
  const [scheme, setScheme] = useState<ColorScheme>(chosenColorScheme());
  const { setMode } = useColorScheme();
  const choose = (chosen: ColorScheme) => {
    setScheme(chosen);
    setMode(chosen);
    applyColorScheme(chosen);
  };
  return (
    <OptionField
      label="settings.scheme"
      value={scheme}
      options={COLOR_SCHEMES}
      optionLabel={(one) => `scheme.${one}`}
      onChange={(chosen) => choose(chosen as ColorScheme)}
    />
  );
}

function LanguageField(): ReactElement {
  const { locale, setLocale } = useLanguage();
  return (
    <Field>
      <T id="settings.language" />
      <Select value={locale} onChange={(event) => setLocale(event.target.value as Locale)}>
        {Object.entries(LOCALES).map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
    </Field>
  );
}

const TIME_ZONES = [
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Los_Angeles",
  "America/Anchorage",
  "Pacific/Honolulu",
  "UTC",
];

/** The usual zones of the United States, and the browser's own if it is another one. */
function TimeZoneField(): ReactElement {
  const { zone, setZone } = useLanguage();
  const zones = TIME_ZONES.includes(zone) ? TIME_ZONES : [zone, ...TIME_ZONES];
  return (
    <Field>
      <T id="settings.zone" />
      <Select value={zone} onChange={(event) => setZone(event.target.value)}>
        {zones.map((one) => (
          <option key={one} value={one}>
            {one.replaceAll("_", " ")}
          </option>
        ))}
      </Select>
    </Field>
  );
}
