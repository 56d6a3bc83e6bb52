-- Purpose: lower case in every script and locale, and punycode, for the domains of e-mails.
-- Writes:  staging.lower_text(), staging.punycode_encode(), staging.punycode_decode(), …
-- Re-run:  safe; functions are replaced by the same text.

-- lower() knows as many letters as the locale of the database: in C only those of ASCII.
-- Latin, Greek, Cyrillic, Armenian, Georgian: the scripts with two cases in which domains are.
CREATE OR REPLACE FUNCTION staging.lower_text(value text)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- ASCII, as nearly all are: the map of all letters takes 12 times as long.
    WHEN octet_length(value) = length(value)
        THEN translate(value, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
    ELSE
        translate(
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
        )
END;
COMMENT ON FUNCTION staging.lower_text(text) IS
'In lower case, the same in every locale of a database.';

-- RFC 3492, section 6.1.
CREATE OR REPLACE FUNCTION staging.punycode_bias(delta bigint, length bigint, is_first boolean)
RETURNS bigint
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    rest bigint := delta / CASE WHEN is_first THEN 700 ELSE 2 END;
    bias bigint := 0;
BEGIN
    rest := rest + rest / length;
    WHILE rest > 455 LOOP
        rest := rest / 35;
        bias := bias + 36;
    END LOOP;
    RETURN bias + 36 * rest / (rest + 38);
END;
$$;
COMMENT ON FUNCTION staging.punycode_bias(bigint, bigint, boolean) IS
'How punycode (RFC 3492) goes on after a letter that was delta away from the one before.';

-- RFC 3492, section 6.3.
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
                bias := staging.punycode_bias(delta, handled + 1, handled = basic);
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
        bias := staging.punycode_bias(spot - before, length(result) + 1, before = 0);
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
