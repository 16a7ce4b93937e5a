/** Why a file was refused, in Spanish, by the code of the server. English is the server's own text. */
const EXPORT = "Exporte la nómina como .xml y suba ese archivo.";
const ANEW = "Corríjalo donde se hace el archivo y expórtelo de nuevo.";

export const FILE_FAULTS: Readonly<Record<string, string>> = {
  E_FILE_EMPTY: "El archivo está vacío.",
  E_FILE_TYPE: `El archivo no es XML. ${EXPORT} Otros tipos de archivo no se leen.`,
  E_FILE_ARCHIVE:
    "El archivo parece un archivo comprimido (zip u otro) o cifrado. Extraiga la nómina y súbala como .xml o .xml.gz.",
  E_FILE_SPREADSHEET:
    "El archivo parece una hoja de cálculo. Exporte la nómina como .xml desde el sistema de nóminas, no con una hoja de cálculo: daña los números de cuenta y de préstamo.",
  E_FILE_PDF: `El archivo parece un PDF. ${EXPORT}`,
  E_FILE_CSV: `El archivo parece una tabla de texto, como CSV. ${EXPORT}`,
  E_FILE_JSON: `El archivo parece JSON. ${EXPORT}`,
  E_FILE_HTML:
    "El archivo parece una página web, como la de inicio de sesión del sistema del que procede. Inicie sesión allí y exporte la nómina de nuevo.",
  E_FILE_NACHA: `El archivo parece un archivo NACHA, que es para un banco y pagaría directamente. Este sistema necesita la nómina. ${EXPORT}`,
  E_FILE_ISO20022: `El archivo parece un mensaje ISO 20022 (como pain.001), que es para un banco. Este sistema necesita la nómina. ${EXPORT}`,
  E_FILE_BANK: `El archivo parece un archivo bancario o de contabilidad. Este sistema necesita la nómina. ${EXPORT}`,
  E_FILE_PAYROLL: `El archivo parece otro archivo de nóminas o de impuestos. Este sistema necesita la nómina. ${EXPORT}`,
  E_FILE_OTHER_XML:
    "El archivo es XML y no es una nómina: no contiene ningún <row>. Compruebe que es el archivo correcto y exporte la nómina de nuevo.",
  E_FILE_ENCODING:
    "El archivo contiene bytes que no son UTF-8, ni UTF-16 con marca de orden de bytes. Se guardó con otra codificación, como Windows-1252. Expórtelo como UTF-8.",
  E_FILE_ENCODING_DECLARED:
    "El archivo declara en su primera línea otra codificación que UTF-8 y contiene más que letras ASCII. Expórtelo como UTF-8 y declare eso o nada.",
  E_FILE_ENCODING_NO_MARK:
    "El archivo parece UTF-16 o UTF-32 sin una marca de orden de bytes que aquí se lea. Expórtelo como UTF-8.",
  E_FILE_XML_VERSION: "El archivo declara una versión de XML distinta de 1.0.",
  E_FILE_DOCTYPE:
    "El archivo contiene un DOCTYPE. Una nómina no lo necesita y puede llevar entidades; por eso no se lee.",
  E_FILE_ENTITY:
    "El archivo usa una entidad que XML no define, como &nbsp;. Escriba el carácter mismo o su número (&#160;). Un & que es texto debe escribirse &amp;.",
  E_FILE_NAMESPACE: "El archivo usa espacios de nombres de XML. Una nómina no tiene ninguno.",
  E_FILE_ATTRIBUTE: "El elemento exterior tiene atributos. Una nómina no tiene ninguno.",
  E_FILE_ATTRIBUTES: "El archivo contiene más de 100,000 atributos. Una nómina no tiene ninguno.",
  E_FILE_DEPTH: "Hay elementos anidados a más de 6 niveles.",
  E_FILE_NAME_LENGTH: "Un elemento tiene un nombre de más de 256 caracteres.",
  E_FILE_VALUE_SIZE: "Un valor ocupa más de 4,096 bytes.",
  E_FILE_UNKNOWN_ELEMENTS: "El archivo contiene más de 1,000 elementos desconocidos distintos.",
  E_FILE_STRAY_TEXT: "Hay texto entre las filas.",
  E_FILE_AMPERSAND: `Hay un & que no inicia ninguna referencia. Un & en un nombre o en otro valor debe escribirse &amp;. ${ANEW}`,
  E_FILE_LESS_THAN: `Hay un < dentro de un valor que no inicia ninguna etiqueta. Un < en un nombre o en otro valor debe escribirse &lt;. ${ANEW}`,
  E_FILE_CDATA_END: "Hay ]]> dentro de un valor. Debe escribirse ]]&gt;.",
  E_FILE_TAGS:
    "Falta una etiqueta, está mal escrita o incompleta, de modo que las de inicio y de fin no concuerdan. Exporte el archivo de nuevo; no lo edite a mano.",
  E_FILE_CHARACTER:
    "Hay un carácter que XML no permite, como un carácter de control. Quítelo donde se hace el archivo y expórtelo de nuevo.",
  E_FILE_COMMENT: "Hay -- dentro de un comentario, lo que XML no permite.",
  E_FILE_UNFINISHED:
    "Aquí empieza un comentario, una sección CDATA o una instrucción que no termina nunca; el resto del archivo no se puede leer.",
  E_FILE_DECLARATION:
    "La declaración XML (<?xml ...?>) no es correcta o no está al principio del archivo. Nada puede precederla, ni un espacio ni una línea vacía, y solo puede aparecer una vez.",
  E_FILE_MALFORMED: "El archivo no es XML bien formado. Expórtelo de nuevo.",
  E_FILE_TRUNCATED:
    "El archivo termina antes de tiempo: está cortado. Expórtelo o súbalo de nuevo.",
  E_FILE_TRAILING: "Hay algo después del final del documento: una segunda nómina u otros bytes.",
  E_FILE_MENDED_LINK:
    "Una fila no tiene antes de ella un comentario que nombre la fila rechazada que corrige. Descargue de nuevo las filas rechazadas, cambie solo los valores y deje los comentarios.",
  E_FILE_MENDED_ROW:
    "Una fila no está entre las filas rechazadas del lote que este archivo corrige: su comentario nombra otra fila. Quite esa fila, o súbala donde corresponde.",
  E_FILE_MENDED_TWICE:
    "Dos filas corrigen la misma fila rechazada, así que no está claro cuál vale. Quite una.",
  E_FILE_MENDED_PERSON:
    "Una fila nombra a otro empleado que la fila rechazada que corrige, y esa fila no se rechazó por su empleado. Una fila corregida paga a quien debía pagar la rechazada.",
  E_FILE_NO_ROWS: "El archivo no contiene ningún <row>; no hay nada que pagar.",
  E_FILE_ROWS: "El archivo tiene más filas que el límite.",
  E_FILE_BRANCHES: "El archivo tiene más de 20,000 sucursales distintas. Divídalo.",
  E_FILE_SOURCES: "El archivo tiene más de 5,000 cuentas de origen distintas. Divídalo.",
  E_FILE_INSTITUTIONS: "El archivo tiene más de 20,000 instituciones distintas. Divídalo.",
  E_FILE_BATCH_SIZE:
    "El archivo tiene tantas sucursales y cuentas de origen con nombres tan largos que sus totales no caben en un mensaje. Divídalo.",
  E_FILE_TOO_LARGE: "El archivo descomprimido es mayor que el límite.",
  E_FILE_GZIP: "El archivo gzip está dañado o cortado.",
  E_PARSER:
    "No se pudo leer el archivo: el lector falló o necesitó demasiado tiempo o memoria. No se guardó nada de él.",
  E_FILE_NOT_READ:
    "No se pudo leer el archivo por un error de este sistema, no del archivo. No se guardó nada de él y no afecta a ningún dinero. Avise a un operador y súbalo más tarde.",
};
