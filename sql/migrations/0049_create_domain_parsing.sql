-- Purpose: read domains of e-mail addresses in any script: lower case, punycode, validity.
-- Writes:  staging.lower_text(), staging.punycode_encode(), staging.punycode_decode(),
--          staging.idn_label(), staging.read_domain()
-- Re-run:  safe; functions are replaced by the same text.

-- lower() knows as many letters as the locale of the database: in C only those of ASCII.
-- Latin, Greek, Cyrillic, Armenian, Georgian: the scripts with two cases in which domains are.
CREATE OR REPLACE FUNCTION staging.lower_text(value text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN translate(
    -- The one capital whose small letter is two characters.
    replace(value, E'\u0130', E'i\u0307'),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮ'
    || 'ĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǄǅǇǈǊǋ'
    || 'ǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǱǲǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿΆΈΉΊΌΎΏΑΒΓΔ'
    || 'ΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХ'
    || 'ЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲ'
    || 'ӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫ'
    || 'ႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿḀḂḄḆḈḊ'
    || 'ḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾẀẂẄẆẈẊẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲ'
    || 'ẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾἈἉἊἋἌἍἎἏἘἙἚἛἜἝἨἩἪἫἬἭἮἯἸἹἺἻἼἽἾἿὈὉὊὋὌὍὙὛὝὟὨὩ'
    || 'ὪὫὬὭὮὯᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾸᾹᾺΆᾼῈΈῊΉῌῘῙῚΊῨῩῪΎῬῸΌῺΏῼ',
    'abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭį'
    || 'ĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǆǆǉǉǌǌ'
    || 'ǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǳǳǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳάέήίόύώαβγδ'
    || 'εζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфх'
    || 'цчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳ'
    || 'ӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋ'
    || 'ⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿḁḃḅḇḉḋ'
    || 'ḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷṹṻṽṿẁẃẅẇẉẋẍẏẑẓẕßạảấầẩẫậắằẳ'
    || 'ẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿἀἁἂἃἄἅἆἇἐἑἒἓἔἕἠἡἢἣἤἥἦἧἰἱἲἳἴἵἶἷὀὁὂὃὄὅὑὓὕὗὠὡ'
    || 'ὢὣὤὥὦὧᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾰᾱὰάᾳὲέὴήῃῐῑὶίῠῡὺύῥὸόὼώῳ'
);
COMMENT ON FUNCTION staging.lower_text(text) IS
'In lower case, the same in every locale of a database.';

-- RFC 3492, section 6.3. The bias is worked out in the same loop: section 6.1.
CREATE OR REPLACE FUNCTION staging.punycode_encode(label text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    signs constant text := 'abcdefghijklmnopqrstuvwxyz0123456789';
    points integer[] := ARRAY(
        SELECT ascii(letter) FROM string_to_table(label, NULL) WITH ORDINALITY AS s (letter, place)
        ORDER BY place
    );
    result text := coalesce(
        (
            SELECT string_agg(chr(point), '' ORDER BY place)
            FROM unnest(points) WITH ORDINALITY AS s (point, place)
            WHERE point < 128
        ),
        ''
    );
    basic integer := length(result);
    handled integer := length(result);
    next_point integer := 128;
    delta bigint := 0;
    bias bigint := 72;
    lowest integer;
    point integer;
    rest bigint;
    threshold bigint;
    base bigint;
BEGIN
    -- A label of a domain has at most 63 octets; more would only cost time.
    IF length(label) > 63 THEN
        RETURN NULL;
    END IF;
    IF basic > 0 THEN
        result := result || '-';
    END IF;
    WHILE handled < cardinality(points) LOOP
        SELECT min(p) INTO lowest FROM unnest(points) AS p WHERE p >= next_point;
        delta := delta + (lowest - next_point)::bigint * (handled + 1);
        next_point := lowest;
        FOREACH point IN ARRAY points LOOP
            IF point < next_point THEN
                delta := delta + 1;
            ELSIF point = next_point THEN
                rest := delta;
                base := 36;
                LOOP
                    threshold := least(greatest(base - bias, 1), 26);
                    EXIT WHEN rest < threshold;
                    result := result || substr(
                        signs, (threshold + (rest - threshold) % (36 - threshold))::integer + 1, 1
                    );
                    rest := (rest - threshold) / (36 - threshold);
                    base := base + 36;
                END LOOP;
                result := result || substr(signs, rest::integer + 1, 1);
                delta := delta / CASE handled WHEN basic THEN 700 ELSE 2 END;
                delta := delta + delta / (handled + 1);
                bias := 0;
                WHILE delta > 455 LOOP
                    delta := delta / 35;
                    bias := bias + 36;
                END LOOP;
                bias := bias + 36 * delta / (delta + 38);
                delta := 0;
                handled := handled + 1;
            END IF;
        END LOOP;
        delta := delta + 1;
        next_point := next_point + 1;
    END LOOP;
    RETURN result;
END;
$$;
COMMENT ON FUNCTION staging.punycode_encode(text) IS
'Punycode (RFC 3492) of a label of at most 63 characters, without xn--; NULL for a longer one.';

-- RFC 3492, section 6.2.
CREATE OR REPLACE FUNCTION staging.punycode_decode(encoded text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    signs constant text := 'abcdefghijklmnopqrstuvwxyz0123456789';
    result text := coalesce(substring(encoded FROM '^(.*)-'), '');
    rest text := regexp_replace(encoded, '^.*-', '');
    next_point bigint := 128;
    spot bigint := 0;
    bias bigint := 72;
    place integer := 1;
    before bigint;
    weight bigint;
    base bigint;
    digit integer;
    threshold bigint;
    delta bigint;
BEGIN
    IF encoded !~ '^[-a-z0-9]{1,63}$' THEN
        RETURN NULL;
    END IF;
    WHILE place <= length(rest) LOOP
        before := spot;
        weight := 1;
        base := 36;
        LOOP
            digit := strpos(signs, substr(rest, place, 1)) - 1;
            IF place > length(rest) OR digit < 0 THEN
                RETURN NULL;
            END IF;
            place := place + 1;
            spot := spot + digit * weight;
            threshold := least(greatest(base - bias, 1), 26);
            EXIT WHEN digit < threshold;
            weight := weight * (36 - threshold);
            base := base + 36;
            -- More than the last character of Unicode times the longest label.
            IF spot > 100000000 OR weight > 100000000 THEN
                RETURN NULL;
            END IF;
        END LOOP;
        delta := (spot - before) / CASE before WHEN 0 THEN 700 ELSE 2 END;
        delta := delta + delta / (length(result) + 1);
        bias := 0;
        WHILE delta > 455 LOOP
            delta := delta / 35;
            bias := bias + 36;
        END LOOP;
        bias := bias + 36 * delta / (delta + 38);
        next_point := next_point + spot / (length(result) + 1);
        spot := spot % (length(result) + 1);
        IF next_point > 1114111 OR next_point BETWEEN 55296 AND 57343 THEN
            RETURN NULL;
        END IF;
        result := overlay(
            result PLACING chr(next_point::integer) FROM spot::integer + 1 FOR 0
        );
        spot := spot + 1;
    END LOOP;
    RETURN result;
END;
$$;
COMMENT ON FUNCTION staging.punycode_decode(text) IS
'The label whose punycode (RFC 3492), without xn--, this is; NULL when it is none.';

CREATE OR REPLACE FUNCTION staging.has_odd_letters(value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN
-- Signs, blanks, marks of direction, emoji, private use. Ranges, because what [[:alpha:]]
-- takes in depends on the locale.
value ~ (
    '[\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7'
    '\u02c2-\u02c5\u02d2-\u02df\u0375\u0482\u0488\u0489\u055a-\u055f\u0589-\u058f'
    '\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964\u0965\u0e3f\u1680'
    '\u2000-\u200b\u200e-\u206f\u20a0-\u2bff\u2e00-\u3004\u3008-\u3029\u3030'
    '\u303d-\u303f\u30a0\u31c0-\u31e3\u3248-\u327f\u4dc0-\u4dff\ue000-\uf8ff'
    '\ufd3e-\ufd4f\ufe00-\ufe1f\ufe30-\ufe6f\ufeff\ufff0-\uffff'
    '\U0001f000-\U0001faff\U000e0000-\U0010ffff]'
    -- Joiners belong between the letters of Persian and the scripts of India alone.
    '|(?:^|[^\u0600-\u0dff])[\u200c\u200d]|[\u200c\u200d]$'
    -- A mark without a letter before it.
    '|^[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u064b-\u065f\u0670]'
)
-- Latin with Cyrillic or Greek in one word: a letter from the wrong keyboard. Registries give
-- out no such domain.
OR value ~ '[A-Za-z\u00c0-\u024f]' AND value ~ '[\u0370-\u052f]';
COMMENT ON FUNCTION staging.has_odd_letters(text) IS
'Whether a label, or a local part, has what no letter or digit is, or mixes Latin and Cyrillic.';

CREATE OR REPLACE FUNCTION staging.idn_label(label text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN
        length(label) <= 63
        AND label !~ '^-|-$|^..--|[\u0001-\u002c./:-`{-\u007f]'
        AND NOT staging.has_odd_letters(label)
        AND normalize(staging.lower_text(normalize(label, nfkc)), nfc) = label
        THEN substring('xn--' || staging.punycode_encode(label) FROM '^.{5,63}$')
END;
COMMENT ON FUNCTION staging.idn_label(text) IS
'xn--… of a label with other letters than those of ASCII; NULL when it cannot be one.';

CREATE OR REPLACE FUNCTION staging.read_domain(typed text, OUT domain text, OUT ascii text)
LANGUAGE plpgsql
IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    plain constant text := '^(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?[.])+[a-z]{2,63}$';
    low text;
    label text;
    letters text;
    shown text[];
    sent text[];
BEGIN
    IF length(typed) > 253 THEN
        RETURN;
    END IF;
    low := staging.lower_text(typed);
    IF low ~ plain AND low !~ '(?:^|[.])xn--' THEN
        domain := low;
        ascii := low;
        RETURN;
    END IF;
    IF octet_length(low) <> length(low) THEN
        low := normalize(
            staging.lower_text(normalize(translate(typed, '。．｡', '...'), nfkc)), nfc
        );
    END IF;
    FOREACH label IN ARRAY string_to_array(low, '.') LOOP
        letters := label;
        IF label LIKE 'xn--%' THEN
            letters := staging.punycode_decode(substr(label, 5));
            -- Only what we should write ourselves: one spelling, one domain.
            IF octet_length(letters) = length(letters)
                OR staging.idn_label(letters) IS DISTINCT FROM label
            THEN
                RETURN;
            END IF;
        ELSIF octet_length(label) <> length(label) THEN
            label := staging.idn_label(label);
        END IF;
        IF (label ~ '^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$') IS NOT TRUE THEN
            RETURN;
        END IF;
        shown := shown || letters;
        sent := sent || label;
    END LOOP;
    IF cardinality(sent) > 1
        AND label ~ '^(?:[a-z]{2,63}|xn--.*)$'
        AND length(array_to_string(sent, '.')) <= 253
    THEN
        domain := array_to_string(shown, '.');
        ascii := array_to_string(sent, '.');
    END IF;
END;
$$;
COMMENT ON FUNCTION staging.read_domain(text) IS
'A domain in lower case, with its own letters and as DNS knows it (xn--…); NULL: not valid.';
